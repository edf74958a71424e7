/* What spares a click; no page needs it. The pages say in `data-…` what is meant:
   data-refresh   while PayPal is asked, the page is looked at again: after 5 seconds, then less and less often, a quarter of an hour at most, and a button stops it;
   data-submits   a field that is whole once it holds so many digits sends its form, once; what data-says holds tells it before;
   data-idle      after so many seconds without a page the session ends: five minutes before, its words are shown;
   data-copy      a button puts the text on the clipboard. */
"use strict";

(() => {
  if (document.documentElement.dataset.comfort) return; // a page may name this file twice
  document.documentElement.dataset.comfort = "yes";
  const FIRST = 5, MOST = 120, TIMES = 12; // seconds, seconds, looks at one page
  const WARNED = 300; // seconds before a session ends

  const button = (place, label, act) => { // and beside it what is said once it is pressed
    const made = document.createElement("button");
    const said = document.createElement("span");
    made.type = "button";
    made.className = "button button-small screen-only";
    made.textContent = label;
    said.setAttribute("role", "status");
    made.addEventListener("click", () => act(made, said));
    place.append(" ", made, " ", said);
    return made;
  };

  for (const waits of document.querySelectorAll("[data-refresh]")) {
    const key = "looked:" + location.pathname;
    const times = Number(sessionStorage.getItem(key) || 0);
    const look = () => {
      if (document.hidden) return document.addEventListener("visibilitychange", look, { once: true });
      sessionStorage.setItem(key, String(times + 1));
      location.replace(waits.dataset.refresh);
    };
    if (times >= TIMES) continue;
    const soon = setTimeout(look, Math.min(FIRST * 2 ** times, MOST) * 1000);
    button(waits, waits.dataset.stop, (pressed, said) => { // WCAG 2.2.1, 2.2.2: who reads here is not interrupted
      clearTimeout(soon);
      document.removeEventListener("visibilitychange", look);
      sessionStorage.setItem(key, String(TIMES));
      waits.querySelector("a").focus();
      pressed.remove();
      said.textContent = waits.dataset.stopped;
    });
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
    const copies = button(text, text.dataset.label, async (pressed, said) => {
      await navigator.clipboard.writeText(text.dataset.copy);
      said.textContent = text.dataset.done;
    });
    copies.setAttribute("aria-label", `${text.dataset.label} ${text.dataset.copy}`); // a page may have several
  }

  /* Who types for long is told before the session ends, and stays by one press; nothing typed is touched. */
  for (const soon of document.querySelectorAll("template[data-idle]")) {
    const bar = document.createElement("div");
    let ends = 0;
    const begin = () => {
      ends = Date.now() + soon.dataset.idle * 1000;
      bar.replaceChildren();
    };
    bar.className = "awake";
    bar.setAttribute("role", "alert");
    bar.addEventListener("click", async (press) => {
      if (press.target.closest("button") && (await fetch(soon.dataset.awake, { method: "HEAD", redirect: "error" })).ok) begin();
    });
    begin();
    document.body.append(bar);
    setInterval(() => {
      if (!bar.firstChild && Date.now() > ends - WARNED * 1000) bar.append(soon.content.cloneNode(true));
    }, 1000);
  }
})();
