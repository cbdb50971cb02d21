// Runs axe-core on the page, with every <details> open meanwhile.
// Without arguments but the callback, only serious findings count.
const done = arguments[arguments.length - 1];
const impacts = arguments.length > 1 ? arguments[0] : ["serious", "critical"];
const folded = [...document.querySelectorAll("details:not([open])")];
const fold = (open) => folded.forEach((one) => (one.open = open));
fold(true);
axe
  .run(document, { resultTypes: ["violations"] })
  .then(({ violations }) =>
    violations
      .filter((one) => impacts.includes(one.impact))
      .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html}: ${node.failureSummary}`)),
  )
  .catch((why) => [String(why)])
  .then((found) => {
    fold(false);
    done(found);
  });
