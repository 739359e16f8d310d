// The roles of results.py. mystmd would start results.py once per role; instead these roles insert
// placeholders, which the transform of results.py replaces in one process per page.
const docs = {
  result: "A stored number: `run:metric|interval|format|unit`.",
  difference: "The paired difference of two runs: `run - baseline:metric|interval|format`.",
  fixed: "A constant in prose, not a result.",
  claim: "A claim: `text <name of the claim>`.",
};

const role = ([name, doc]) => ({
  name,
  doc,
  body: { type: String, required: true },
  run: ({ body }) => [{ type: "span", class: name, data: { role: name, body }, children: [] }],
});

export default { name: "Whole Script roles", roles: Object.entries(docs).map(role) };
