// The reload after every save, and the keys. Everything else is a link or a form, and works without.
"use strict";

const { version } = document.body.dataset;
const live = document.getElementById("live");
const aside = document.querySelector("aside");
// Where the editor was, kept over a reload that they did not ask for. The page's own place the browser keeps.
const KEPT = "preview-place";

function reload() {
  const at = document.activeElement;
  const place = { id: at?.id, start: at?.selectionStart, end: at?.selectionEnd, aside: aside?.scrollTop };
  sessionStorage.setItem(KEPT, JSON.stringify(place));
  location.reload();
}

function resume() {
  const place = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  if (!place) return;
  if (aside && place.aside) aside.scrollTop = place.aside;
  const at = place.id && document.getElementById(place.id);
  at?.focus({ preventScroll: true });
  if (at && typeof place.start === "number") at.setSelectionRange(place.start, place.end);
}

if (version && live?.dataset.live === "true") {
  resume();
  const usual = live.textContent;
  const events = new EventSource(`/events?version=${encodeURIComponent(version)}`);
  events.addEventListener("save", reload);
  events.addEventListener("open", () => { live.dataset.live = "true"; live.textContent = usual; });
  events.addEventListener("error", () => { live.dataset.live = "false"; live.textContent = "Preview has stopped"; });
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
