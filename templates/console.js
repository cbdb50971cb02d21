// What every page of the console has: menus, copy buttons, the theme, the status line, and forms without a page load.
// Every page works without it.
const Console = (() => {
  const toasts = document.querySelector("[data-toasts]");
  let timer;
  const hideLater = () => {
    clearTimeout(timer);
    // What can be undone can be for 30 seconds.
    timer = setTimeout(() => toasts.replaceChildren(), toasts.querySelector("form") ? 29_000 : 8000);
  };

  // Says in the status line what has happened.
  const say = (text, isError = false) => {
    const line = document.createElement("div");
    line.className = isError ? "status status--error" : "status";
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", isError ? "#i-refused" : "#i-check");
    icon.append(use);
    const words = document.createElement("span");
    words.textContent = text;
    line.append(icon, words);
    show(line);
  };
  const show = (line) => {
    toasts.replaceChildren(line);
    hideLater();
  };
  if (toasts.firstElementChild) hideLater();

  // Buttons that need this script.
  const reveal = (within) => {
    for (const one of within.querySelectorAll("[data-no-script]")) one.hidden = true;
    for (const one of within.querySelectorAll("[data-copy], [data-copy-from], [data-copy-text], [data-move], [data-pause]")) one.hidden = false;
  };
  reveal(document);

  const copy = async (button) => {
    const { copyFrom, copyText, copied } = button.dataset;
    const source = copyFrom ? document.getElementById(copyFrom) : button.parentElement.querySelector("pre, code");
    try {
      await navigator.clipboard.writeText(copyText ?? source.textContent);
      say(copied);
    } catch {
      // Without permission for the clipboard, the text is selected, so that the user can copy it.
      if (source) getSelection().selectAllChildren(source);
      say(source ? "Selected: press Ctrl+C" : copyText);
    }
  };

  const closeMenus = (except) => {
    for (const open of document.querySelectorAll("details:is(.menu, .dialog)[open]")) {
      if (!open.contains(except)) open.open = false;
    }
  };

  addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from], [data-copy-text]");
    if (button) copy(button);
    closeMenus(event.target);
    event.target.closest("#nav a")?.closest("[popover]")?.hidePopover?.();
  });

  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details:is(.menu, .dialog)[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  // The parts of the page that show state, by what they show: `data-live="clock"`.
  const swap = (page, topics, sent) => {
    const wanted = (part) => part.dataset.live.split(" ").some((topic) => topics === "all" || topics.includes(topic));
    for (const part of document.querySelectorAll("[data-live]")) {
      if (!part.id || !wanted(part)) continue;
      const fresh = page.getElementById(part.id);
      if (!fresh || fresh.outerHTML === part.outerHTML) continue;
      // What the user types is not taken away.
      if (!part.contains(sent) && part.contains(document.activeElement) && document.activeElement.matches("input:not([type=hidden]), select, textarea")) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const path = focused?.id || focused?.getAttribute("name");
      const name = (details) => details.id || details.querySelector("summary")?.textContent;
      const open = [...part.querySelectorAll("details[open]"), part].map((one) => one.matches("details[open]") && name(one));
      const now = document.importNode(fresh, true);
      for (const one of [...now.querySelectorAll("details"), now]) if (one.matches("details") && open.includes(name(one))) one.open = true;
      part.replaceWith(now);
      reveal(now);
      if (path) (document.getElementById(path) ?? now.querySelector(`[name="${CSS.escape(path)}"]`))?.focus();
    }
    const bar = page.body.dataset;
    if (bar.epoch) document.body.dataset.epoch = bar.epoch;
    dispatchEvent(new CustomEvent("swapped"));
  };

  const load = async (url, options) => {
    // At some addresses, programs get the list of the control API.
    const response = await fetch(url, { ...options, headers: { accept: "text/html,application/xhtml+xml", ...options?.headers } });
    const text = await response.text();
    return { response, page: new DOMParser().parseFromString(text, "text/html") };
  };

  // Where the page is loaded again from. The journal has each load of the start page, which would report itself.
  const source = () => document.querySelector("[data-source]")?.dataset.source ?? location.href;

  // Loads the page again, and takes over the parts that show one of the topics.
  let loading;
  let waiting = new Set();
  const refresh = async (topics) => {
    if (topics === "all") waiting = "all";
    else if (waiting !== "all") topics.forEach((topic) => waiting.add(topic));
    if (loading) return loading;
    loading = (async () => {
      while (waiting === "all" || waiting.size > 0) {
        const now = waiting === "all" ? "all" : [...waiting];
        waiting = new Set();
        const needed = [...document.querySelectorAll("[data-live]")].some((part) =>
          part.id && (now === "all" || part.dataset.live.split(" ").some((topic) => now.includes(topic))));
        if (!needed) continue;
        try {
          const { response, page } = await load(source());
          if (response.ok) swap(page, now);
          // The server is busy with long lists.
          else if (response.status === 503) setTimeout(refresh, 1000, now);
        } catch {
          // The badge says that the server is gone.
        }
      }
      loading = null;
    })();
    return loading;
  };

  // Sends forms that change something without leaving the page.
  addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post" || "navigate" in form.dataset || event.defaultPrevented) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    if (form.matches("[data-theme-form]")) document.documentElement.dataset.theme = data.get("theme");
    const body = new URLSearchParams(data);
    try {
      const { response, page } = await load(form.action, { method: "POST", body, headers: { "x-console-action": "1" } });
      const problem = page.querySelector("[role=alert]");
      if (!response.ok) {
        // The form with what was typed, and its error.
        const failed = form.id && page.getElementById(form.id);
        if (failed) {
          const shown = document.importNode(failed, true);
          form.replaceWith(shown);
          reveal(shown);
          shown.querySelector("[aria-invalid]")?.focus();
        }
        say(problem?.textContent.trim() || `The server answered ${response.status}`, true);
        return;
      }
      for (const open of document.querySelectorAll("details:is(.menu, .dialog, .confirm)[open]")) open.open = false;
      const done = page.querySelector("[data-toasts] .status");
      if (done) show(document.importNode(done, true));
      const there = new URL(response.url);
      if (there.pathname !== location.pathname) {
        if (dispatchEvent(new CustomEvent("elsewhere", { cancelable: true, detail: there }))) location.assign(there);
        return;
      }
      const sent = form.id && page.getElementById(form.id);
      if (sent && !form.closest("[data-live]")) {
        const fresh = document.importNode(sent, true);
        form.replaceWith(fresh);
        reveal(fresh);
      }
      swap(page, "all", form);
    } catch {
      say("The server does not answer", true);
    }
  });

  // Settings are saved when they are chosen.
  addEventListener("change", (event) => event.target.form?.matches("[data-autosave]") && event.target.form.requestSubmit());

  return { say, reveal, load, refresh, source };
})();
