// The list of requests: selection with the detail beside it, search while typing, pause, and keys.
(() => {
  const body = document.getElementById("requests");
  if (!body) return;
  const pane = document.getElementById("detail");
  const wide = matchMedia("(min-width: 55rem)");
  const MOST_ROWS = 300;
  // Page loads of a sign-in are hidden until their list is opened.
  const rows = () => [...body.querySelectorAll("tr[data-id]:not([hidden])")];
  const selected = () => body.querySelector(".is-selected");

  // A request that is not stored, for example since a restart, does not stay in the address.
  const forgetMissing = () => {
    const here = new URL(location.href);
    const asked = here.searchParams.get("request");
    if (!asked || pane.querySelector("[data-detail]")?.dataset.detail === asked) return;
    here.searchParams.delete("request");
    history.replaceState(null, "", here);
  };
  forgetMissing();

  const mark = (row) => {
    for (const other of body.querySelectorAll("tr[data-id]")) {
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
  // The page loads of a sign-in, below the request that started it.
  const pagesOf = (id) => [...body.querySelectorAll(`tr[data-group="${id}"]`)];
  const openPages = (link, isOpen) => {
    link.setAttribute("aria-expanded", isOpen);
    for (const row of pagesOf(link.dataset.pages)) row.hidden = !isOpen;
  };
  const join = (row) => {
    const { group } = row.dataset;
    const head = document.getElementById(`request-${group}`);
    if (!head) {
      delete row.dataset.group;
      row.hidden = false;
      return false;
    }
    const earlier = pagesOf(group);
    (earlier.at(-1) ?? head).after(row);
    let link = head.querySelector("[data-pages]");
    if (!link) {
      link = document.createElement("a");
      const there = new URL(location.href);
      there.searchParams.set("open", group);
      Object.assign(link, { className: "pages", href: there, title: "Page loads of this sign-in" });
      Object.assign(link.dataset, { pages: group });
      link.setAttribute("aria-expanded", false);
      head.querySelector(".cell").insertBefore(link, head.querySelector(".marks"));
    }
    const count = earlier.length + 1;
    link.textContent = `+${count} page${count === 1 ? "" : "s"}`;
    row.hidden = link.getAttribute("aria-expanded") !== "true";
    return true;
  };
  body.addEventListener("click", (event) => {
    const link = event.target.closest("[data-pages]");
    if (link && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      openPages(link, link.getAttribute("aria-expanded") !== "true");
      return;
    }
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
  // The place of a change is above the request after which it was made.
  const isBelow = (line, change) =>
    "change" in line.dataset ? Number(line.dataset.change) < Number(change.dataset.change)
      : !line.dataset.group && Number(line.dataset.id) <= Number(change.dataset.after);
  const add = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const row = template.content.firstElementChild;
    if (!row || document.getElementById(row.id)) return;
    if ("change" in row.dataset) {
      body.insertBefore(row, [...body.children].find((line) => isBelow(line, row)) ?? null);
      return;
    }
    if (!row.dataset.group || !join(row)) body.prepend(row);
    const isSelected = new URL(location.href).searchParams.get("request") === row.dataset.id;
    if (isSelected) mark(row);
    document.getElementById("nothing").replaceChildren();
    const matching = document.querySelector("[data-matching]");
    matching.textContent = Number(matching.textContent) + 1;
    for (const old of [...body.children].slice(MOST_ROWS)) old.remove();
    if (!pane.querySelector("[data-detail]") && wide.matches && !row.hidden) select(row);
  };
  let heldRequests = 0;
  const receive = ({ type, detail: event }) => {
    if (pause.getAttribute("aria-pressed") !== "true") {
      add(event.data);
      return;
    }
    held.push(event.data);
    if (held.length > MOST_ROWS) held.shift();
    if (type === "request") news.textContent = `Paused, ${++heldRequests} new`;
  };
  addEventListener("request", receive);
  addEventListener("line", receive);
  pause.addEventListener("click", () => {
    const on = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", on);
    news.textContent = on ? "Paused" : "";
    dispatchEvent(new CustomEvent("paused", { detail: on }));
    heldRequests = 0;
    if (!on) for (const html of held.splice(0)) add(html);
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
    forgetMissing();
  };
  addEventListener("renewed", (event) => {
    held.length = 0;
    heldRequests = 0;
    takeAll(event.detail);
  });

  // Search while typing.
  const form = document.querySelector("[data-search]");
  const field = form.querySelector("[type=search]");
  // One search at a time: what was typed meanwhile is searched after it.
  let isSearching = false;
  let isOutdated = false;
  const search = async () => {
    if (isSearching) {
      isOutdated = true;
      return;
    }
    isSearching = true;
    try {
      do {
        isOutdated = false;
        const here = new URL(form.action);
        for (const [name, value] of new FormData(form)) if (value) here.searchParams.append(name, value);
        const { page } = await Console.load(here);
        if (isOutdated) continue;
        history.replaceState(null, "", here);
        takeAll(page);
        dispatchEvent(new CustomEvent("searched"));
      } while (isOutdated);
    } catch {
      // The badge says that the server is gone.
    } finally {
      isSearching = false;
    }
  };
  field.addEventListener("input", search);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
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
