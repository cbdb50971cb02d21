// Finds defects of a page for users who read it, hear it, or have no mouse.
const wrong = [];
const shown = (element) => element.getClientRects().length > 0;
const words = (element) => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("[aria-hidden=true], input, select").forEach((hidden) => hidden.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
};
// Of an id that no element has, the text is empty.
const labelledBy = (element) => {
  const ids = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean);
  const labels = ids.map((id) => document.getElementById(id)).filter(Boolean);
  return labels.map(words).filter(Boolean).join(" ");
};
const nameOf = (element) =>
  labelledBy(element) ||
  element.getAttribute("aria-label") || [...(element.labels ?? [])].map(words).join(" ") || words(element);

// For later, when the focus moves.
window.focused = () => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const { top, bottom, left, right } = element.getBoundingClientRect();
  const inside = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
  return { name: nameOf(element), visible: element === document.body || (outlined && inside) };
};

const root = document.documentElement;
if (root.scrollWidth > innerWidth) wrong.push(`scrolls sideways: ${root.scrollWidth} > ${innerWidth}`);
if (!root.lang) wrong.push("has no language");
if (!document.title.trim()) wrong.push("has no title");
if (document.querySelectorAll("main").length !== 1) wrong.push("has not one main part");
const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown);
const levels = headings.map((heading) => Number(heading.tagName[1]));
if (levels.filter((level) => level === 1).length !== 1) wrong.push(`has headings ${levels}`);
levels.forEach((level, at) => {
  if (at > 0 && level > levels[at - 1] + 1) wrong.push(`skips a heading level: ${levels}`);
});
for (const element of document.querySelectorAll("a, button, input, select, textarea")) {
  if (element.type === "hidden") continue;
  if (!nameOf(element)) wrong.push(`nameless: ${element.outerHTML}`);
  if (element.tabIndex > 0) wrong.push(`jumps the queue: ${element.outerHTML}`);
}
for (const picture of document.images) if (!picture.hasAttribute("alt")) wrong.push(`undescribed: ${picture.src}`);
return { width: innerWidth, wrong };
