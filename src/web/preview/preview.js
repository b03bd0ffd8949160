// Follows every save, and hears the keys. Everything else is a link or a form, and works without.
"use strict";

const parts = (page) => [...page.querySelectorAll("[data-part]")];
const live = () => document.getElementById("live");

// Puts what is new in the place of what is old, part by part: what did not change keeps its focus, its text and its place.
function swap(page) {
  for (const fresh of parts(page)) {
    const old = document.querySelector(`[data-part="${fresh.dataset.part}"]`);
    if (!old || old.outerHTML === fresh.outerHTML) continue;
    if (!turn(old, fresh)) old.replaceWith(fresh);
  }
  document.title = page.title;
  document.body.dataset.version = page.body.dataset.version;
}

// A mail stays in sight until the next is there to be seen.
function turn(old, fresh) {
  const shown = old.querySelector("iframe:not(.loading)");
  const next = fresh.querySelector("iframe");
  if (!shown || !next) return false;
  // The same mail, whatever else, such as an extension, marked on its frame.
  if (shown.getAttribute("src") === next.getAttribute("src")) return true;
  for (const late of old.querySelectorAll(".loading")) late.remove();
  next.addEventListener("load", () => { shown.remove(); next.classList.remove("loading"); }, { once: true });
  next.classList.add("loading");
  shown.after(next);
  return true;
}

async function follow() {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.ok && page.body.dataset.version && parts(document).length) swap(page);
  else location.reload();
}

if (document.body.dataset.version && live()?.dataset.live !== "false") {
  const usual = live()?.textContent;
  const say = (is, words) => { if (live()) { live().dataset.live = is; live().textContent = words; } };
  const version = encodeURIComponent(document.body.dataset.version);
  const events = new EventSource(`/events?version=${version}`);
  let busy = Promise.resolve();
  events.addEventListener("save", () => { busy = busy.then(follow).catch(() => {}); });
  events.addEventListener("open", () => say("true", usual));
  events.addEventListener("error", () => say("false", "Preview has stopped"));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") document.querySelector("details.keys[open]")?.removeAttribute("open");
  if (event.target.closest("input, textarea, select")) return;
  // A window that scrolls sideways has the arrows for itself.
  const scrolls = event.target.closest(".window");
  if (scrolls && scrolls.scrollWidth > scrolls.clientWidth && event.key.startsWith("Arrow")) return;
  const button = document.querySelector(`[data-key~="${CSS.escape(event.key)}"]`);
  if (!button) return;
  event.preventDefault();
  button.click();
});
