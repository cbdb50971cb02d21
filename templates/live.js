// New exchanges come to the head of the journal, and what is left of time grows less.
const list = document.querySelector("[data-events]");
if (list) {
  const events = new EventSource(list.dataset.events);
  events.addEventListener("exchange", (event) => {
    list.insertAdjacentHTML("afterbegin", event.data);
    document.getElementById("nothing")?.remove();
    const total = document.getElementById("total");
    total.textContent = Number(total.textContent) + 1;
    while (list.children.length > 200) list.lastElementChild.remove();
  });
}
const clock = document.getElementById("now");
if (clock && !("frozen" in clock.dataset)) {
  const ahead = Date.parse(clock.dateTime) - Date.now();
  const ends = [...document.querySelectorAll("[data-left]")].map((left) => [left, Number(left.dataset.left)]);
  const began = Date.now();
  setInterval(() => {
    clock.textContent = new Date(Date.now() + ahead).toISOString();
    for (const [left, seconds] of ends) {
      const now = seconds - Math.floor((Date.now() - began) / 1000);
      left.textContent = now >= 0 ? `${now} s left` : "run out";
      left.className = now >= 0 ? "verified" : "wrong";
    }
  }, 1000);
}
