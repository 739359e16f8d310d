// The roles of results.py, which mystmd would start once for each number: here they only keep
// their place, and the transform of results.py fills them in, in one process a page.
const docs = {
  result: "A stored number: `run:metric|interval|format|unit`.",
  difference: "The paired difference of two runs: `run - baseline:metric|interval|format`.",
  fixed: "A number in prose that is no result.",
  claim: "A conclusion: `the words <name of the claim>`.",
};

const role = ([name, doc]) => ({
  name,
  doc,
  body: { type: String, required: true },
  run: ({ body }) => [{ type: "span", class: name, data: { role: name, body }, children: [] }],
});

export default { name: "Whole Script roles", roles: Object.entries(docs).map(role) };
