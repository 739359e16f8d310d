// The roles and tables of results.py. mystmd would start results.py once per role and directive;
// instead these insert placeholders, which the transform of results.py replaces in one process per
// page.
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

const tableDocs = {
  datasets: "Data sets, by their names in the registry.",
  licences: "What the sources of data sets state about their use, and what the repository has.",
  "film-columns": "The columns of a file of films.",
  models: "Models of runs: checkpoint, parameters, optimisation, seeds, hardware and time.",
  results: "Runs sorted by a metric, with intervals, a baseline and published numbers.",
  overview: "All studies: the best model of each, and the baseline.",
};

const tableOptions = {
  metric: "The metric to sort by.",
  baseline: "Runs to compare with; `*` stands for the data set.",
  n: "The stored number of tested items, as `run:metric`.",
  published: "Published results, by name.",
  also: "Further metrics to show.",
};

const table = ([name, doc]) => ({
  name,
  doc,
  arg: { type: String, doc: "Names, separated by spaces; in those of runs `*` matches any characters." },
  options: {
    label: { type: String, required: true, doc: "The label of the table." },
    ...Object.fromEntries(
      Object.entries(name === "results" ? tableOptions : {}).map(([option, about]) => [
        option,
        { type: String, doc: about },
      ]),
    ),
  },
  body: { type: "myst", required: true, doc: "The caption." },
  run({ arg = "", options: { label, ...options }, body }) {
    const data = { table: name, arg, options };
    const children = [
      { type: "caption", children: body },
      { type: "table", data, children: [] },
    ];
    const identifier = label.toLowerCase();
    return [{ type: "container", kind: "table", label, identifier, children }];
  },
});

export default {
  name: "Whole Script roles and tables",
  roles: Object.entries(docs).map(role),
  directives: Object.entries(tableDocs).map(table),
};
