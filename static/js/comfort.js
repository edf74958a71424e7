/* What spares a click; no page needs it. The pages say in `data-…` what is meant:
   data-refresh   while PayPal is asked, the page is looked at again: after 5 seconds, then less and less often, a quarter of an hour at most;
   data-submits   a field that is whole once it holds so many digits sends its form, once; what data-says holds tells it before;
   data-copy      a button puts the text on the clipboard. */
"use strict";

(() => {
  if (document.documentElement.dataset.comfort) return; // a page may name this file twice
  document.documentElement.dataset.comfort = "yes";
  const FIRST = 5, MOST = 120, TIMES = 12; // seconds, seconds, looks at one page

  for (const waits of document.querySelectorAll("[data-refresh]")) {
    const key = "looked:" + location.pathname;
    const times = Number(sessionStorage.getItem(key) || 0);
    const look = () => {
      if (document.hidden) return document.addEventListener("visibilitychange", look, { once: true });
      sessionStorage.setItem(key, String(times + 1));
      location.replace(waits.dataset.refresh);
    };
    if (times < TIMES) setTimeout(look, Math.min(FIRST * 2 ** times, MOST) * 1000);
  }

  for (const field of document.querySelectorAll("[data-submits]")) {
    const said = document.querySelector("[data-says]");
    const whole = new RegExp(`^\\d{${field.dataset.submits}}$`);
    if (field.getAttribute("aria-invalid")) continue; // who corrects a code presses the button
    if (said) said.hidden = false;
    const send = () => {
      if (!whole.test(field.value.replace(/\s/g, ""))) return;
      field.removeEventListener("input", send);
      field.form.requestSubmit();
    };
    field.addEventListener("input", send);
  }

  for (const text of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) break;
    const button = document.createElement("button");
    const said = document.createElement("span");
    button.type = "button";
    button.className = "button button-small screen-only";
    button.textContent = text.dataset.label;
    button.setAttribute("aria-label", `${text.dataset.label} ${text.dataset.copy}`); // a page may have several
    said.setAttribute("role", "status");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.dataset.copy);
      said.textContent = text.dataset.done;
    });
    text.append(" ", button, " ", said);
  }
})();
