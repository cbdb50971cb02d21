// Adds new requests at the top of the journal and counts down lifetimes.
const list = document.querySelector("[data-events]");
// Shows times in the reader's time zone; the title has the full UTC time.
const localise = (within) => {
  for (const time of within.querySelectorAll("time[title]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = at.toLocaleTimeString([], { hourCycle: "h23" });
  }
};
localise(document);
const length = (seconds) => {
  const [d, h] = [Math.floor(seconds / 86400), Math.floor((seconds % 86400) / 3600)];
  const [min, s] = [Math.floor((seconds % 3600) / 60), seconds % 60];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${min} min`;
  return min > 0 ? `${min} min ${s} s` : `${s} s`;
};
if (list) {
  const events = new EventSource(list.dataset.events);
  events.addEventListener("request", (event) => {
    if (document.getElementById(`request-${event.lastEventId}`)) return;
    list.insertAdjacentHTML("afterbegin", event.data);
    localise(list.firstElementChild);
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
      left.textContent = now >= 0 ? `expires in ${length(now)}` : "expired";
      left.className = now >= 0 ? "verified" : "wrong";
    }
  }, 1000);
}
