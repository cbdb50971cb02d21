// The list of requests: selection with the detail beside it, search while typing, pause, and keys.
(() => {
  const body = document.getElementById("requests");
  if (!body) return;
  const pane = document.getElementById("detail");
  const wide = matchMedia("(min-width: 55rem)");
  const MOST_ROWS = 300;
  const rows = () => [...body.querySelectorAll("tr[data-id]")];
  const selected = () => body.querySelector(".is-selected");

  const mark = (row) => {
    for (const other of rows()) {
      other.classList.toggle("is-selected", other === row);
      other.querySelector(".rowlink").toggleAttribute("aria-current", other === row);
    }
  };

  // The detail comes from the page of the request, which the row links to.
  let wanted;
  const detail = async (url) => {
    wanted = url;
    const here = new URL(location.href);
    here.searchParams.set("request", url.split("/").pop().split("?")[0]);
    here.searchParams.set("list", "none");
    if (url.includes("?secrets=show")) here.searchParams.set("secrets", "show");
    const { page } = await Console.load(here);
    if (wanted !== url) return;
    const fresh = page.getElementById("detail");
    if (!fresh) return;
    pane.replaceChildren(...fresh.childNodes);
    Console.reveal(pane);
  };
  const select = (row) => {
    mark(row);
    row.scrollIntoView({ block: "nearest" });
    const link = row.querySelector(".rowlink");
    const here = new URL(location.href);
    here.searchParams.set("request", row.dataset.id);
    history.replaceState(null, "", here);
    detail(link.getAttribute("href"));
  };
  const move = (by) => {
    const shown = rows();
    const at = shown.indexOf(selected());
    const next = shown[Math.max(0, Math.min(shown.length - 1, at + by))];
    if (!next) return;
    if (wide.matches) select(next);
    else { mark(next); next.querySelector(".rowlink").focus(); }
  };
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-id]");
    if (!row || !wide.matches || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    select(row);
  });
  pane.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (button) move(Number(button.dataset.move));
    const secrets = event.target.closest("a[data-secrets]");
    if (secrets && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      detail(secrets.getAttribute("href"));
    }
  });
  // A request was sent again: its own page is the answer.
  addEventListener("elsewhere", (event) => {
    const url = event.detail;
    if (url.pathname.includes("/_mock/requests/") && wide.matches) {
      event.preventDefault();
      const here = new URL(location.href);
      here.searchParams.set("request", url.pathname.split("/").pop());
      history.replaceState(null, "", here);
      detail(url.pathname);
      const row = document.getElementById(`request-${url.pathname.split("/").pop()}`);
      if (row) mark(row);
    }
  });

  // New requests.
  const pause = document.querySelector("[data-pause]");
  const news = document.querySelector("[data-news]");
  const held = [];
  const add = (html, id) => {
    if (document.getElementById(`request-${id}`)) return;
    const template = document.createElement("template");
    template.innerHTML = html;
    body.prepend(template.content);
    const isSelected = new URL(location.href).searchParams.get("request") === id;
    if (isSelected) mark(body.firstElementChild);
    document.getElementById("nothing").replaceChildren();
    const matching = document.querySelector("[data-matching]");
    matching.textContent = Number(matching.textContent) + 1;
    for (const old of rows().slice(MOST_ROWS)) old.remove();
    if (!pane.querySelector("[data-detail]") && wide.matches) select(body.firstElementChild);
  };
  addEventListener("request", ({ detail: event }) => {
    if (pause.getAttribute("aria-pressed") === "true") {
      held.push([event.data, event.lastEventId]);
      if (held.length > MOST_ROWS) held.shift();
      news.textContent = `Paused, ${held.length} new`;
    } else {
      add(event.data, event.lastEventId);
    }
  });
  pause.addEventListener("click", () => {
    const on = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", on);
    news.textContent = on ? "Paused" : "";
    dispatchEvent(new CustomEvent("paused", { detail: on }));
    if (!on) for (const [html, id] of held.splice(0)) add(html, id);
  });

  // The list of another page of the server: after a search, or when this one is outdated.
  const take = (page) => {
    const fresh = page.getElementById("requests");
    if (!fresh) return;
    for (const name of ["chips", "nothing", "older", "count", "filters"]) {
      const [old, now] = [document.getElementById(name), page.getElementById(name)];
      if (old && now) old.replaceWith(document.importNode(now, true));
    }
    const { query } = fresh.dataset;
    if (query === undefined) delete body.dataset.query;
    else body.dataset.query = query;
    body.replaceChildren(...fresh.childNodes);
    const problem = page.querySelector("main [role=alert]")?.textContent.trim();
    if (problem) Console.say(problem, true);
  };
  // The detail of that page, too, so that it belongs to the selected row.
  const takeAll = (page) => {
    take(page);
    const fresh = page.getElementById("detail");
    if (fresh) pane.replaceChildren(...fresh.childNodes);
    Console.reveal(pane);
  };
  addEventListener("renewed", (event) => {
    held.length = 0;
    takeAll(event.detail);
  });

  // Search while typing.
  const form = document.querySelector("[data-search]");
  const field = form.querySelector("[type=search]");
  let timer;
  let asked = 0;
  const search = async () => {
    const here = new URL(form.action);
    for (const [name, value] of new FormData(form)) if (value) here.searchParams.append(name, value);
    const turn = ++asked;
    const { page } = await Console.load(here);
    if (turn !== asked) return;
    history.replaceState(null, "", here);
    takeAll(page);
    dispatchEvent(new CustomEvent("searched"));
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 60);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search();
    // The keys of the list work again.
    field.blur();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && field.value === "") field.blur();
  });

  addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input, select, textarea")) return;
    if (event.key === "/") { event.preventDefault(); field.focus(); field.select(); }
    if (event.key === "j") move(1);
    if (event.key === "k") move(-1);
    if (event.key === "p") pause.click();
  });
})();
