// Events of the server: what has changed is loaded again. Clocks and lifetimes run.
(() => {
  const badge = document.querySelector("[data-badge]");
  const list = () => document.querySelector("#requests[data-query]");
  let source;
  let hiddenSince;
  let isPaused = false;
  let isLeft = false;

  const show = (text, kind) => {
    if (!badge) return;
    badge.hidden = false;
    badge.textContent = text;
    badge.className = kind ? `live live--${kind}` : "live";
  };

  const connect = () => {
    const { events } = document.body.dataset;
    if (!events || isLeft) return;
    source?.close();
    const query = list()?.dataset.query;
    source = new EventSource(query === undefined ? `${events}?list=none` : `${events}?${query}`);
    source.addEventListener("open", () => show(isPaused ? "Paused" : "Connected", isPaused ? "paused" : ""));
    source.addEventListener("error", () => {
      show("Disconnected, retrying", "lost");
      // The browser gives up when the server answers with an error.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
    });
    source.addEventListener("hello", (event) => {
      // Another run of the server, or a journal that was cleared: what the page shows is outdated.
      if (event.data !== document.body.dataset.epoch) startAgain(event.data);
    });
    source.addEventListener("reload", (event) => {
      if (event.data === document.body.dataset.epoch) renew();
      else startAgain(event.data);
    });
    source.addEventListener("change", (event) => {
      const topics = event.data.split(" ");
      const soon = topics.filter((topic) => topic !== "findings");
      if (soon.length > 0) Console.refresh(soon);
      // Findings look at the whole journal: not after each request.
      if (topics.includes("findings")) later();
    });
    source.addEventListener("counts", (event) => {
      const [refused, app, all] = event.data.split(" ");
      for (const [name, number] of Object.entries({ refused, app, all })) {
        for (const one of document.querySelectorAll(`[data-count="${name}"]`)) {
          one.textContent = number;
          one.closest(".count")?.toggleAttribute("hidden", number === "0");
        }
      }
      if (list()) document.title = document.title.replace(/^Requests( \(.*?\))?/, refused === "0" ? "Requests" : `Requests (${refused} refused)`);
    });
    source.addEventListener("line", (event) => dispatchEvent(new CustomEvent("line", { detail: event })));
    source.addEventListener("request", (event) => dispatchEvent(new CustomEvent("request", { detail: event })));
  };

  let timer;
  const later = () => { timer ??= setTimeout(() => { timer = undefined; Console.refresh(["findings"]); }, 700); };

  // The epoch: the run of the server, its resets, and the clearings of the journal.
  const startAgain = (epoch) => {
    const [oldRun, oldReset] = (document.body.dataset.epoch ?? "").split("-");
    const [run, reset] = epoch.split("-");
    const what = list() ? "; the list starts again." : ".";
    if (run !== oldRun) Console.say(`The server was restarted${what}`);
    else if (reset !== oldReset) Console.say("The sandbox was reset.");
    else Console.say("All requests were deleted.");
    document.body.dataset.epoch = epoch;
    // An id of before the restart is that of another request now.
    const here = new URL(location.href);
    for (const name of ["request", "before", "open", "secrets"]) here.searchParams.delete(name);
    history.replaceState(null, "", here);
    renew();
  };

  const renew = async () => {
    source?.close();
    if (isLeft) return;
    try {
      const { response, page } = await Console.load(Console.source());
      if (!response.ok && response.status !== 404) throw new Error(response.status);
      document.body.dataset.epoch = page.body.dataset.epoch;
      dispatchEvent(new CustomEvent("renewed", { detail: page }));
      Console.refresh("all");
      connect();
    } catch {
      show("Disconnected, retrying", "lost");
      setTimeout(renew, 1000);
    }
  };

  addEventListener("paused", (event) => {
    isPaused = event.detail;
    if (source?.readyState === EventSource.OPEN) show(isPaused ? "Paused" : "Connected", isPaused ? "paused" : "");
  });
  addEventListener("searched", connect);
  connect();

  // Browsers permit six connections to a server. A page that was left stays in memory for the Back button: it must not
  // keep its connection.
  addEventListener("pagehide", () => {
    isLeft = true;
    source?.close();
  });
  addEventListener("pageshow", (event) => {
    isLeft = false;
    if (event.persisted) renew();
  });

  // A page in the background gives its connection back after a while.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenSince);
    if (document.hidden) {
      hiddenSince = setTimeout(() => source?.close(), 60_000);
    } else if (source?.readyState === EventSource.CLOSED) {
      renew();
    }
  });

  // The clock of the app bar and the lifetimes of tokens.
  const length = (seconds) => {
    const units = [[Math.floor(seconds / 86400), "d"], [Math.floor((seconds % 86400) / 3600), "h"], [Math.floor((seconds % 3600) / 60), "min"], [seconds % 60, "s"]];
    const first = units.findIndex(([count]) => count > 0);
    return first < 0 ? "0 s" : units.slice(first, first + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`).join(" ");
  };
  const ago = (ms) => {
    const seconds = Math.floor(Math.abs(ms) / 1000);
    const [count, unit] = seconds < 60 ? [seconds, "s"] : seconds < 3600 ? [Math.floor(seconds / 60), "min"] : seconds < 86400 ? [Math.floor(seconds / 3600), "h"] : [Math.floor(seconds / 86400), "d"];
    return seconds === 0 ? "now" : ms > 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
  };
  const begun = new WeakMap();
  const since = (element) => {
    if (!begun.has(element)) begun.set(element, performance.now());
    return performance.now() - begun.get(element);
  };
  const tick = () => {
    const clock = document.getElementById("now");
    if (!clock) return;
    const frozen = "frozen" in clock.dataset;
    const now = Date.parse(clock.dateTime) + (frozen ? 0 : since(clock));
    if (!frozen) clock.textContent = new Date(now).toISOString().slice(11, 19);
    for (const one of document.querySelectorAll("[data-ago]")) one.textContent = ago(now - Date.parse(one.dataset.ago));
    for (const one of frozen ? [] : document.querySelectorAll("[data-left]")) {
      const left = Number(one.dataset.left) - Math.floor(since(one) / 1000);
      one.textContent = left >= 0 ? `in ${length(left)}` : "expired";
      one.className = left >= 0 ? "ok" : "quiet";
    }
  };
  tick();
  setInterval(tick, 1000);
})();
