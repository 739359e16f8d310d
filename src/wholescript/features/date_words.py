"""Words of dates and ages: months, days and numerals. Digits are not in the vocabulary."""

UNITS = "one two three four five six seven eight nine"
TEENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen hundred "
    "thousand million"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
TENTHS = "twenties thirties forties fifties sixties seventies eighties nineties hundreds thousands"
MONTHS = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sept oct nov dec"
)
DAYS = "monday tuesday wednesday thursday friday saturday sunday"
PERIOD_WORDS = "year years decade decades century centuries date dated ad bc"

DATE_WORDS = frozenset(" ".join((UNITS, TEENS, TENS, TENTHS, MONTHS, DAYS, PERIOD_WORDS)).split())
