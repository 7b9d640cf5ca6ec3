"use strict";

// Charts in SVG: lines over one axis, and maps of colored cells. Each is drawn anew, in the pixels that it has, whenever its numbers or its
// width change, so that its text always has the same size. Colors come from the style sheet.
const Chart = (() => {
  const height = 270;
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

  // Makes an element; children are elements or texts.
  function make(name, attributes, ...children) {
    return fill(document.createElement(name), attributes, children);
  }

  function svg(name, attributes, ...children) {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
  }

  function fill(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (value !== null && value !== undefined) {
        node.setAttribute(key, value);
      }
    }

    node.append(...children);
    return node;
  }

  // A number for people: three significant digits, powers of ten as such.
  function text(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) {
      return "–";
    }

    const size = Math.abs(value);
    if (value !== 0 && (size < 1e-3 || size >= 1e5)) {
      const [mantissa, exponent] = value.toExponential(2).split("e");
      return `${mantissa}·${power(Number(exponent))}`;
    }

    return size >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
  }

  function power(exponent) {
    return "10" + String(exponent).replace(/./g, digit => digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  }

  function percent(value, digits = 1) {
    return value === null || value === undefined || !Number.isFinite(value) ? "–" : `${(100 * value).toFixed(digits)} %`;
  }

  // The range of some numbers, a little wider where it would be empty. Logarithmic axes leave out what is not positive.
  function range(values, isLogarithmic) {
    const known = values.filter(v => v !== null && Number.isFinite(v) && (!isLogarithmic || v > 0));
    let low = known.reduce((a, b) => Math.min(a, b), Infinity), high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    if (known.length === 0) {
      [low, high] = isLogarithmic ? [0.1, 1] : [0, 1];
    }

    if (isLogarithmic) {
      return high / low < 4 ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
    }

    return high > low ? [low, high] : [low - 0.5, high + 0.5];
  }

  // Where an axis has its lines, about as many as asked for.
  function ticks(domain, isLogarithmic, count, isWhole) {
    const [low, high] = [Math.min(...domain), Math.max(...domain)], found = [];
    if (isLogarithmic) {
      const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
      if (last - first >= 2) {
        for (let e = first; e <= last; e += Math.max(1, Math.ceil((last - first + 1) / count))) {
          found.push({ at: 10 ** e, text: e === 0 || (first >= -2 && last <= 3) ? text(10 ** e) : power(e) });
        }

        return found;
      }

      for (let e = first - 1; e <= last + 1; e++) {
        for (const m of high / low > 30 ? [1, 3] : [1, 2, 5]) {
          if (m * 10 ** e >= low && m * 10 ** e <= high) {
            found.push({ at: m * 10 ** e, text: text(Number((m * 10 ** e).toPrecision(1))) });
          }
        }
      }

      return found;
    }

    const rough = (high - low) / Math.max(1, count);
    const base = 10 ** Math.floor(Math.log10(rough));
    let step = base * [1, 2, 5, 10].find(m => m * base >= rough - 1e-12);
    if (isWhole) {
      step = Math.max(1, Math.round(step));
    }

    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
      found.push({ at: i * step, text: text(Number((i * step).toPrecision(12))) });
    }

    return found;
  }

  // The frame of a plot: sizes, scales and grid. Axes: { label, domain, log, whole, percent }.
  function frame(width, x, y) {
    const left = 54, right = 12, top = 10, bottom = 40;
    const place = (axis, from, to) => {
      const scale = axis.log ? Math.log10 : v => v;
      const [low, high] = axis.domain.map(scale);
      return value => from + (scale(value) - low) / (high - low) * (to - from);
    };
    const px = place(x, left, width - right), py = place(y, height - bottom, top);
    const node = svg("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
    for (const tick of ticks(y.domain, y.log, 5, y.whole)) {
      node.append(
        svg("line", { class: "grid", x1: left, x2: width - right, y1: py(tick.at), y2: py(tick.at) }),
        svg("text", { x: left - 6, y: py(tick.at) + 4, "text-anchor": "end" }, y.percent ? `${text(Number((100 * tick.at).toPrecision(9)))} %` : tick.text));
    }

    for (const tick of ticks(x.domain, x.log, (width - left - right) / 65, x.whole)) {
      node.append(
        svg("line", { class: "grid", x1: px(tick.at), x2: px(tick.at), y1: height - bottom, y2: height - bottom + 4 }),
        svg("text", { x: px(tick.at), y: height - bottom + 17, "text-anchor": "middle" }, tick.text));
    }

    node.append(
      svg("line", { class: "grid", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
      svg("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" }, x.label));
    return { node, px, py, left, right: width - right, top, bottom: height - bottom };
  }

  // Lines. Series: { name, color, width, dash, points: [[x, y]], dots }; a y of null is a gap. Returns what moves the cursor.
  function lines(panel, { x, y, series, read }) {
    const plot = frame(Math.max(260, panel.clientWidth), x, y);
    const clip = (value, axis) => value !== null && Number.isFinite(value) && (!axis.log || value > 0);
    for (const one of series) {
      const known = one.points.filter(p => clip(p[1], y));
      if (one.dots) {
        for (const p of known) {
          plot.node.append(svg("circle", { cx: plot.px(p[0]), cy: plot.py(p[1]), r: 3.2, fill: "var(--panel)", stroke: one.color, "stroke-width": 2, "data-series": one.name }));
        }
      } else if (known.length === 1) {
        plot.node.append(svg("circle", { cx: plot.px(known[0][0]), cy: plot.py(known[0][1]), r: 2.5, fill: one.color, "data-series": one.name }));
      } else {
        let isOpen = false, d = "";
        for (const p of one.points) {
          if (clip(p[1], y)) {
            d += `${isOpen ? "L" : "M"}${plot.px(p[0]).toFixed(1)} ${plot.py(p[1]).toFixed(1)}`;
          }

          isOpen = clip(p[1], y);
        }

        plot.node.append(svg("path", { class: "line", d, stroke: one.color, "stroke-width": one.width, "stroke-dasharray": one.dash, "data-series": one.name }));
      }
    }

    const cursor = svg("line", { class: "cursor", y1: plot.top, y2: plot.bottom, visibility: "hidden" });
    plot.node.append(cursor);
    const places = [...new Set(series.flatMap(s => s.points.map(p => p[0])))].sort((a, b) => a - b);
    return attach(panel, plot.node, {
      count: places.length,
      find: px => nearest(places.map(plot.px), px),
      show: index => {
        cursor.setAttribute("visibility", "visible");
        cursor.setAttribute("x1", plot.px(places[index]));
        cursor.setAttribute("x2", plot.px(places[index]));
        read(places[index]);
      },
    });
  }

  // Colored cells. Rows from the top: [{ label, values }], columns: steps; color from 0 to 1 by scale(value).
  function cells(panel, { columns, rows, last, scale, x, y, read }) {
    const plot = frame(Math.max(260, panel.clientWidth), { ...x, domain: [columns[0] ?? 0, last] }, { ...y, domain: [rows.length + 0.5, 0.5] });
    const edges = columns.map(step => plot.px(step)).concat(plot.right);
    const row = (plot.bottom - plot.top) / Math.max(1, rows.length);
    rows.forEach(({ values }, r) => values.forEach((value, c) => {
      if (value !== null && value !== undefined && Number.isFinite(value)) {
        plot.node.append(svg("rect", {
          x: edges[c].toFixed(2), y: (plot.top + r * row).toFixed(2), width: Math.max(0.6, edges[c + 1] - edges[c] + 0.4).toFixed(2),
          height: (row + 0.4).toFixed(2), fill: color(scale(value)),
        }));
      }
    }));
    const cursor = svg("rect", { class: "cursor", height: row, visibility: "hidden" });
    plot.node.append(cursor);
    let place = 0;
    return attach(panel, plot.node, {
      count: columns.length,
      rows: rows.length,
      find: (px, py) => {
        place = Math.min(rows.length - 1, Math.max(0, Math.floor((py - plot.top) / row)));
        return Math.max(0, edges.findLastIndex((edge, i) => edge <= px && i < columns.length));
      },
      move: by => place = Math.min(rows.length - 1, Math.max(0, place + by)),
      show: index => {
        fill(cursor, { visibility: "visible", x: edges[index], width: Math.max(2, edges[index + 1] - edges[index]), y: plot.top + place * row }, []);
        read(index, place);
      },
    });
  }

  // Puts a drawing into its panel, and reads it by pointer and by arrow keys.
  function attach(panel, node, reader) {
    let index = -1;
    const show = next => {
      index = Math.min(reader.count - 1, Math.max(0, next));
      if (reader.count > 0) {
        reader.show(index);
      }
    };
    node.addEventListener("pointermove", event => {
      const box = node.getBoundingClientRect();
      show(reader.find(event.clientX - box.left, event.clientY - box.top));
    });
    panel.onkeydown = event => {
      const move = { ArrowLeft: -1, ArrowRight: 1, Home: -reader.count, End: reader.count }[event.key];
      const turn = reader.move ? { ArrowUp: -1, ArrowDown: 1 }[event.key] : undefined;
      if (move === undefined && turn === undefined) {
        return;
      }

      event.preventDefault();
      if (turn !== undefined) {
        reader.move(turn);
      }

      show(index + (move ?? 0));
    };
    panel.querySelector("svg")?.remove();
    panel.append(node);
  }

  function nearest(places, at) {
    return places.reduce((best, place, i) => Math.abs(place - at) < Math.abs(places[best] - at) ? i : best, 0);
  }

  // From dark violet to yellow: evenly growing brightness, readable without telling red from green.
  function color(share) {
    const at = Math.min(1, Math.max(0, share)) * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(at));
    return `rgb(${stops[i].map((from, k) => Math.round(from + (stops[i + 1][k] - from) * (at - i))).join(",")})`;
  }

  return { make, svg, text, percent, range, lines, cells, color };
})();
