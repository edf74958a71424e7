(() => {
  let wrong = [];
  const say = (one, why) => wrong.push(`${why}: ${one.outerHTML.slice(0, 160)}`);
  const shown = one => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".unseen, .skip, .table thead");
  const over = one => one.closest("[popover]:popover-open");  // the menu: opened by the reader, closed by Esc
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true }), known = new Map();
  const luminance = colour => {  // of any colour that CSS knows, on white paper
    if (!known.has(colour)) {
      for (const one of ["#fff", colour]) { brush.fillStyle = one; brush.fillRect(0, 0, 1, 1); }
      const part = one => (one /= 255) <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
      const [red, green, blue] = brush.getImageData(0, 0, 1, 1).data;
      known.set(colour, 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue));
    }
    return known.get(colour); };
  const contrast = (one, other) => {
    const [less, more] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05); };

  // Words that stick out of their own box, fields without room, words or controls that lie on others (WCAG 1.4.4).
  const crowded = () => {
  if (parseFloat(getComputedStyle(document.documentElement).fontSize) < 32) wrong.push("no larger than usual");
  const controls = "a[href], button, select, textarea, summary, option", boxes = [];
  for (const one of document.querySelectorAll("body *")) {
    if (!shown(one) || one.closest("svg")) continue;
    const isField = one.matches("input:not([type=hidden]), select, textarea");
    if (isField && one.clientWidth < 16) say(one, "no room");
    if (!isField && getComputedStyle(one).display !== "inline" && one.scrollWidth > one.clientWidth + 2 && one.textContent.trim())
      say(one, `${one.scrollWidth} px in ${one.clientWidth}`);
    if (isField || one.matches("a[href], button, summary")) boxes.push(...[...one.getClientRects()].map(box => ({ one, box })));
    else if (!one.closest(controls)) for (const node of one.childNodes) if (node.nodeType === 3 && node.data.trim()) {
      const range = document.createRange();
      range.selectNodeContents(node);
      boxes.push(...[...range.getClientRects()].map(box => ({ one, box })));
    }
  }
  boxes.sort((a, b) => a.box.top - b.box.top).forEach((upper, at) => {
    for (let next = at + 1; next < boxes.length && boxes[next].box.top < upper.box.bottom; next++) {
      const lower = boxes[next];
      if (upper.one.contains(lower.one) || lower.one.contains(upper.one) || over(upper.one) !== over(lower.one)) continue;
      const across = Math.min(upper.box.right, lower.box.right) - Math.max(upper.box.left, lower.box.left);
      const down = Math.min(upper.box.bottom, lower.box.bottom) - lower.box.top;
      if (across > 2 && down > 0.4 * Math.min(upper.box.height, lower.box.height))  // lines of a text touch, and may
        say(upper.one, `lies on ${lower.one.outerHTML.slice(0, 60)}`);
    }
  });
  };

  // What has only a ground or a colour of ours disappears, since the system's take their place.
  const gone = () => {
  const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? "#000" : "#fff";
  const isDrawn = one => {
    const style = getComputedStyle(one);
    return [style.fill, style.stroke].some(colour => colour !== "none" && contrast(colour, canvas) >= 3); };
  const bounded = "button, .button, select, textarea, input:not([type=hidden], [type=checkbox], [type=radio], [type=file])";
  for (const one of document.querySelectorAll(`${bounded}, main a[href], .status, .notice, .problem, .count, nav [aria-current], .dot`)) {
    if (!shown(one)) continue;
    const style = getComputedStyle(one), isUnderlined = style.textDecorationLine.includes("underline");
    const hasEdge = parseFloat(style.borderTopWidth) >= 1 && style.borderTopStyle !== "none";
    if (one.matches(".dot")) {
      if (contrast(hasEdge ? style.borderTopColor : style.backgroundColor, canvas) < 3) say(one, "a mark that is not seen");
    } else if (one.matches("nav [aria-current]")) {
      if (!hasEdge && !(isUnderlined && style.fontWeight >= 600)) say(one, "the page in the menu is like the others");
    } else if (!hasEdge && !(one.matches("a, button") && isUnderlined) && !one.closest(".spine .nav")) say(one, "no edge");
  }
  for (const drawing of document.querySelectorAll("svg:not(.qr, .qr *)")) {
    const shapes = [...drawing.querySelectorAll("path, line, circle, rect, polygon")].filter(one => !one.closest("defs"));
    for (const one of shapes) if (shown(one) && !isDrawn(one)) {
      const isCutOut = [getComputedStyle(one).fill, getComputedStyle(one).stroke].every(c => c === "none" || contrast(c, canvas) === 1);
      if (!isCutOut || !shapes.some(isDrawn)) say(one, "a shape that is not seen");
    }
  }
  const answers = [...document.querySelectorAll(".buttons-equal .button")].map(one => getComputedStyle(one));
  if (new Set(answers.map(one => one.color + one.borderTopColor)).size > 1) wrong.push("answers of one weight look unlike");
  };

  // Focused one after the other as Tab does, in the page's own order, after a first Tab: then the browser shows the focus.
  const lost = () => {
  const stops = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter(one =>
    !one.disabled && one.type !== "hidden" && one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }));
  let before;
  for (const one of stops) {
    if (one.tabIndex > 0) say(one, "an order of its own");
    one.focus();
    const style = getComputedStyle(one), boxes = [...one.getClientRects()].filter(box => box.width && box.height);
    if (document.activeElement !== one || !boxes.length) { say(one, "no focus"); continue; }
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) say(one, "a focus that is not seen");
    const hits = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.8]].map(([x, y]) =>
      document.elementFromPoint(boxes[0].left + x * boxes[0].width, boxes[0].top + y * boxes[0].height));
    if (!hits.some(hit => hit && (one.contains(hit) || hit.contains(one) || over(hit)))) say(one, "a focus under something else");
    const place = one.getBoundingClientRect(), part = one.closest("main, header, nav, footer, .beside > *, .figures > *, .panel-fields > *");
    const bottom = place.bottom + scrollY, top = place.top + scrollY;
    if (before && before.part === part && bottom < before.top) say(one, "reached after what is below it");
    before = { part, top };
  }
  document.activeElement.blur();
  };

  // Black on white, nothing that only a screen can use, and the addresses of links.
  const printed = () => {
  for (const one of document.querySelectorAll("body, body *")) {
    if (!shown(one) || one.closest("svg")) continue;
    const style = getComputedStyle(one);
    if (one.matches("button, .button, input, select, textarea, nav, form")) say(one, "of use on a screen alone");
    if (luminance(style.backgroundColor) < 0.7 && !one.matches(".dot")) say(one, "a ground of ink");
    if ([...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()) && contrast(style.color, "#fff") < 4.5)
      say(one, "pale");
    if (one.matches("a[href^=http]") && !(one.textContent + getComputedStyle(one, "::after").content).includes(one.getAttribute("href")))
      say(one, "an address that paper does not tell");
  }
  };

  // What a reader hears nothing of, and landmarks of one kind and one name (WCAG 4.1.2, 2.4.6, ARIA's landmarks).
  const worded = () => {
  const pointed = one => (one.getAttribute("aria-labelledby") || "").split(" ").map(id => document.getElementById(id)?.textContent);
  const given = one => [...pointed(one), one.getAttribute("aria-label")].filter(text => text?.trim()).join(" ");
  const drawn = one => [...one.querySelectorAll("img, svg")].map(image => image.alt || given(image) || image.querySelector("title")?.textContent);
  const isField = one => one.matches("input, select, textarea");
  const said = one => [given(one), ...[...one.labels || []].map(label => label.innerText), one.alt, one.title,
    one.type === "submit" && one.value, ...isField(one) ? [] : [one.textContent, ...drawn(one)]].some(text => text && text.trim());
  for (const one of document.querySelectorAll("a[href], button, summary, h1, h2, h3, h4, input:not([type=hidden]), select, textarea, img:not([alt=''])"))
    if (shown(one) && !said(one)) say(one, "no words");
  const named = "[aria-label], [aria-labelledby]";
  for (const kind of ["nav", "aside", "main", `section:is(${named})`, `form:is(${named})`]) {
    const names = new Set();
    for (const one of document.querySelectorAll(kind)) if (shown(one)) {
      if (names.has(given(one))) say(one, "a landmark with another one's name");
      names.add(given(one));
    }
  }
  if (!document.title.trim()) wrong.push("no title");
  };

  const judged = judge => () => { wrong = []; judge(); return wrong; };
  return { crowded: judged(crowded), gone: judged(gone), lost: judged(lost), printed: judged(printed),
    worded: judged(worded) };
})()
