// What is wrong with the layout of the page at its present width: a list of sentences. Tables that scroll in a box of their own are left out.
(() => {
  const found = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    found.push(`the page is ${document.documentElement.scrollWidth} pixels wide in a window of ${width}`);
  }

  const name = text => `"${text.trim().slice(0, 40)}"`;
  const pieces = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    const isHidden = !parent.checkVisibility({ visibilityProperty: true }) || parent.closest("script, style, .skip, .scroll, option");
    if (isHidden || node.textContent.trim() === "") {
      continue;
    }

    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width < 1 || box.height < 1) {
        continue;
      }

      pieces.push({ text: node.textContent, box, parent });
      if (box.left < -0.5 || box.right > width + 0.5) {
        found.push(`${name(node.textContent)} reaches from ${box.left} to ${box.right} in a window of ${width}`);
      }

      const frame = parent.closest("svg.plot, button, .panel, section, header, footer")?.getBoundingClientRect();
      if (frame && (box.left < frame.left - 0.5 || box.right > frame.right + 0.5 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2)) {
        found.push(`${name(node.textContent)} is cut off or sticks out of its frame`);
      }
    }
  }

  // Line boxes of text overlap a little by design; letters do when boxes share more than a quarter of a line.
  pieces.sort((a, b) => a.box.top - b.box.top);
  for (let i = 0; i < pieces.length; i++) {
    for (let k = i + 1; k < pieces.length && pieces[k].box.top < pieces[i].box.bottom; k++) {
      const [a, b] = [pieces[i].box, pieces[k].box];
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top), wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      if (wide > 1 && high > Math.min(a.height, b.height) / 4) {
        found.push(`${name(pieces[i].text)} and ${name(pieces[k].text)} overlap`);
      }
    }
  }

  return found;
})()
