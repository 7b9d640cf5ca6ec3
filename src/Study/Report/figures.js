"use strict";

// The figures: each has its controls, its panels, a line that reads numbers out, and a table of all that is drawn.
const Figures = (() => {
  const { make, svg, text, percent, range } = Chart;
  const drawings = [];
  let run = null;

  // How a network is drawn: by kind and by depth among the depths of the run; dashed without normalization.
  function look(network) {
    const depths = [...new Set(run.networks.map(n => n.depth))].sort((a, b) => a - b);
    const share = depths.length < 2 ? 1 : depths.indexOf(network.depth) / (depths.length - 1);
    const tone = 1 + Math.round(3 * share);
    return {
      name: network.name,
      color: `var(--${network.kind}-${tone})`,
      width: 1.5 + share,
      dash: isBare(network) ? "6 4" : null,
    };
  }

  function isBare(network) {
    return network.norm === "none" && run.options.norm !== "none";
  }

  function statistic(name) {
    return run.statistics.find(s => s.name === name);
  }

  function steps(networks) {
    return [...new Set(networks.flatMap(n => n.samples.map(s => s.step)))].sort((a, b) => a - b);
  }

  // A network's last measurement up to a step.
  function sampleAt(network, step) {
    return network.samples.findLast(s => s.step <= step) ?? null;
  }

  function deepest(networks) {
    const depth = Math.max(...networks.map(n => n.depth));
    return networks.filter(n => n.depth === depth);
  }

  // The layers on the main path: depth and place in the arrays of a sample.
  function path(network) {
    return network.layers.map((layer, index) => ({ ...layer, index })).filter(layer => !layer.beside);
  }

  // What all figures have. Returns { controls, legend, panels, readout, table, redraw }.
  function figure(id, title, draw) {
    const section = document.getElementById(id);
    const parts = {
      controls: make("div", { class: "controls" }),
      legend: make("div", { class: "legend", role: "group", "aria-label": `Networks shown in ${title}` }),
      panels: make("div", { class: "panels" }),
      readout: make("p", { class: "readout", "aria-live": "polite" }, "Point at a chart, or focus it and use the arrow keys, to read its numbers."),
      table: make("table"),
      redraw: () => draw(parts),
    };
    const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Table of ${title}` }, parts.table);
    section.append(parts.controls, parts.legend, parts.panels, parts.readout, make("details", {}, make("summary", {}, "Numbers as a table"), scroll));
    let width = 0;
    new ResizeObserver(() => {
      if (Math.abs(parts.panels.clientWidth - width) > 1) {
        width = parts.panels.clientWidth;
        parts.redraw();
      }
    }).observe(parts.panels);
    drawings.push(parts);
    return parts;
  }

  // Panels by name, kept from drawing to drawing so that none loses the focus.
  function panel(parts, name, label) {
    const node = find(parts, name) ?? addPanel(parts, name);
    node.setAttribute("aria-label", label);
    return node;
  }

  // Exactly these panels. All are there before the first is drawn, since they share the width.
  function setPanels(parts, names) {
    [...parts.panels.children].filter(p => !names.includes(p.dataset.name)).forEach(p => p.remove());
    names.filter(name => !find(parts, name)).forEach(name => addPanel(parts, name));
  }

  function find(parts, name) {
    return [...parts.panels.children].find(p => p.dataset.name === name);
  }

  function addPanel(parts, name) {
    const node = make("div", { class: "panel", tabindex: "0", role: "group", "aria-roledescription": "chart", "data-name": name }, make("h3", {}, name));
    parts.panels.append(node);
    return node;
  }

  // Buttons that show and hide networks; made again only when the networks change.
  function legend(parts, networks, hidden) {
    if (parts.legend.dataset.names === networks.map(n => n.name).join()) {
      return;
    }

    parts.legend.dataset.names = networks.map(n => n.name).join();
    parts.legend.replaceChildren(...networks.map(network => {
      const style = look(network);
      const button = make("button", { type: "button", "aria-pressed": String(!hidden.has(network.name)) },
        svg("svg", { width: 22, height: 10, "aria-hidden": "true" },
          svg("line", { x1: 1, x2: 21, y1: 5, y2: 5, stroke: style.color, "stroke-width": style.width + 1, "stroke-dasharray": style.dash })),
        network.name);
      button.onclick = () => {
        hidden.has(network.name) ? hidden.delete(network.name) : hidden.add(network.name);
        button.setAttribute("aria-pressed", String(!hidden.has(network.name)));
        parts.redraw();
      };
      const emphasize = on => parts.panels.querySelectorAll("[data-series]").forEach(
        line => line.classList.toggle("faded", on && line.dataset.series !== network.name && !hidden.has(network.name)));
      button.onpointerenter = () => emphasize(true);
      button.onpointerleave = () => emphasize(false);
      return button;
    }));
  }

  function select(parts, label, options, chosen, change) {
    const node = make("select", {}, ...options.map(([value, title]) => make("option", { value }, title)));
    node.value = chosen;
    node.onchange = () => {
      change(node.value);
      parts.redraw();
    };
    parts.controls.append(make("label", {}, label, node));
  }

  // A slider over the measured steps. While it stands at the end it stays there as the run grows.
  function slider(parts, state) {
    const input = make("input", { type: "range", min: 0, max: 0, value: 0 });
    const output = make("output");
    const play = make("button", { type: "button" }, "Play");
    let timer = 0;
    const move = index => {
      state.index = index >= state.steps.length - 1 && state.follows ? Infinity : index;
      parts.redraw();
    };
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
    };
    input.oninput = () => move(Number(input.value));
    play.onclick = () => {
      if (timer) {
        stop();
        return;
      }

      play.textContent = "Stop";
      let index = Number(input.value) >= state.steps.length - 1 ? 0 : Number(input.value);
      move(index);
      timer = setInterval(() => {
        move(++index);
        if (index >= state.steps.length - 1) {
          stop();
        }
      }, 250);
    };
    parts.controls.append(make("label", { class: "time" }, "Time", input, output), play);
    return () => {
      const index = Math.max(0, Math.min(state.index, state.steps.length - 1));
      input.max = Math.max(0, state.steps.length - 1);
      input.value = index;
      const step = state.steps[index] ?? 0;
      output.textContent = `step ${step}`;
      input.setAttribute("aria-valuetext", `step ${step}`);
      return step;
    };
  }

  function table(parts, caption, head, rows) {
    parts.table.replaceChildren(
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...head.map(title => make("th", { scope: "col" }, title)))),
      make("tbody", {}, ...rows.map(([first, ...cells]) => make("tr", {}, make("th", { scope: "row" }, first), ...cells.map(cell => make("td", {}, cell))))));
  }

  function words(series, describe) {
    return series.length === 0 ? "no network is shown" : series.map(describe).join("; ");
  }

  function errors() {
    const state = { hidden: new Set(), what: "error" };
    const parts = figure("figure-errors", "error against iteration", () => {
      const networks = run.networks.filter(n => !isBare(n));
      legend(parts, networks, state.hidden);
      const shown = networks.filter(n => !state.hidden.has(n.name));
      const isError = state.what === "error", show = isError ? percent : text;
      const all = networks.flatMap(n => n.train.concat(n.test).map(p => p[state.what]));
      const high = range(all, !isError)[1];
      const y = isError ? { domain: [0, Math.min(1, high * 1.05)], percent: true } : { domain: range(all, true), log: true };
      const x = { label: "iteration", domain: [0, Math.max(1, ...networks.map(n => n.total_steps))], whole: true };
      const kinds = [...new Set(networks.map(n => n.kind))];
      setPanels(parts, kinds);
      for (const kind of kinds) {
        const mine = shown.filter(n => n.kind === kind);
        const series = mine.flatMap(n => [
          { ...look(n), points: n.train.map(p => [p.step, p[state.what]]) },
          { ...look(n), points: n.test.map(p => [p.step, p[state.what]]), dots: true },
        ]);
        const label = `${kind} networks, training ${state.what} by iteration: ${words(mine, n => `${n.name} ends at ${show(n.train.at(-1)?.[state.what])}`)}`;
        Chart.lines(panel(parts, kind, label), {
          x, y, series,
          read: step => parts.readout.textContent = `Iteration ${step}, ${kind}: ${words(mine, n => {
            const train = n.train.findLast(p => p.step <= step), test = n.test.findLast(p => p.step <= step);
            return `${n.name} ${show(train?.[state.what])}${test ? ` (test ${show(test[state.what])})` : ""}`;
          })}`,
        });
      }

      const rows = [...new Set(shown.flatMap(n => n.train.map(p => p.step)))].sort((a, b) => a - b);
      const by = shown.map(n => new Map(n.train.map(p => [p.step, p[state.what]])));
      table(parts, `Training ${state.what} by iteration`, ["iteration", ...shown.map(n => n.name)], rows.map(step => [step, ...by.map(m => show(m.get(step)))]));
    });
    select(parts, "Show", [["error", "error"], ["loss", "loss"]], state.what, value => state.what = value);
  }

  // A statistic of each layer over depth, at the time that the slider has: gradients, and responses.
  function depths(id, title, first, names, start) {
    const state = { hidden: null, what: first, index: start, follows: start > 0, steps: [], isSorted: false };
    const parts = figure(id, title, () => {
      const networks = run.networks;
      state.hidden ??= new Set(networks.filter(n => !deepest(networks).includes(n)).map(n => n.name));
      legend(parts, networks, state.hidden);
      const shown = networks.filter(n => !state.hidden.has(n.name));
      state.steps = steps(networks);
      const step = time(), { title: what, logarithmic } = statistic(state.what);
      const values = (n, sample) => path(n).map(layer => [layer.depth, sample?.[state.what][layer.index] ?? null]);
      const y = { domain: logarithmic ? range(shown.flatMap(n => n.samples.flatMap(s => values(n, s).map(p => p[1]))), true) : [0, 1], log: logarithmic };
      const series = shown.map(n => {
        let points = values(n, sampleAt(n, step));
        if (state.isSorted) {
          points = points.map(p => p[1]).sort((a, b) => b - a).map((value, i) => [i + 1, value]);
        }

        return { ...look(n), points };
      });
      const x = {
        label: state.isSorted ? "layers, the largest first" : "layer, from the images to the loss",
        domain: [1, Math.max(2, ...series.flatMap(s => s.points.map(p => p[0])))], whole: true,
      };
      const ends = s => `${s.name} from ${text(s.points[0]?.[1])} to ${text(s.points.at(-1)?.[1])}`;
      setPanels(parts, [what]);
      Chart.lines(panel(parts, what, `${what} by layer at step ${step}: ${words(series, ends)}`), {
        x, y, series,
        read: at => parts.readout.textContent = `Layer ${at} at step ${step}: ${words(series, s => `${s.name} ${text(s.points.find(p => p[0] === at)?.[1])}`)}`,
      });
      const by = series.map(s => new Map(s.points));
      const rows = [...new Set(series.flatMap(s => s.points.map(p => p[0])))].sort((a, b) => a - b);
      table(parts, `${statistic(state.what).description} At step ${step}.`, ["layer", ...series.map(s => s.name)], rows.map(at => [at, ...by.map(m => text(m.get(at)))]));
    });
    if (names) {
      select(parts, "Show", names.map(name => [name, statistic(name).title]), first, value => state.what = value);
    } else {
      const box = make("input", { type: "checkbox" });
      box.onchange = () => {
        state.isSorted = box.checked;
        parts.redraw();
      };
      parts.controls.append(make("label", {}, box, "sorted by size"));
    }

    const time = slider(parts, state);
  }

  function heat() {
    const groups = [...new Set(run.networks.map(group))];
    const state = { group: group(deepest(run.networks)[0]), what: "activation_gradient" };
    const scaleBar = make("i", { style: `background: linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(Chart.color).join(", ")})` });
    const [low, high] = [make("span"), make("span")];
    const parts = figure("figure-heat", "layer by iteration", () => {
      const networks = run.networks.filter(n => group(n) === state.group);
      const { title, logarithmic, description } = statistic(state.what);
      const domain = logarithmic
        ? range(networks.flatMap(n => n.samples.flatMap(s => path(n).map(l => s[state.what][l.index]))), true) : [0, 1];
      const share = v => logarithmic ? (Math.log(v) - Math.log(domain[0])) / Math.log(domain[1] / domain[0]) : v;
      [low.textContent, high.textContent] = domain.map(text);
      setPanels(parts, networks.map(n => n.name));
      for (const n of networks) {
        const every = Math.ceil(n.samples.length / 150), samples = n.samples.filter((_, i) => i % every === 0);
        const columns = samples.map(s => s.step), layers = path(n);
        const width = columns.length > 1 ? columns[1] - columns[0] : 1;
        const rows = layers.map(l => ({ values: samples.map(s => s[state.what][l.index]) }));
        Chart.cells(panel(parts, n.name, `${title} of ${n.name}, layer by iteration; ${layers.length} layers, ${columns.length} steps`), {
          columns, rows, last: Math.max(n.total_steps, (columns.at(-1) ?? 0) + width / 2), scale: share,
          x: { label: "iteration", whole: true }, y: { whole: true },
          read: (c, r) => parts.readout.textContent = `${n.name}, step ${columns[c]}, layer ${layers[r].depth} (${layers[r].name}): ${text(rows[r].values[c])}`,
        });
      }

      const columns = networks.flatMap(n => {
        const chosen = [...new Set([0, 0.25, 0.5, 0.75, 1].map(share => n.samples[Math.round(share * (n.samples.length - 1))]))].filter(s => s);
        return chosen.map(s => ({ title: `${n.name}, step ${s.step}`, values: new Map(path(n).map(l => [l.depth, s[state.what][l.index]])) }));
      });
      const rows = networks.length === 0 ? [] : path(networks[0]);
      table(parts, `${description} Five of the measured steps.`, ["layer", ...columns.map(c => c.title)],
        rows.map(l => [`${l.depth} ${l.name}`, ...columns.map(c => text(c.values.get(l.depth)))]));
    });
    select(parts, "Networks", groups.map(g => [g, g]), state.group, value => state.group = value);
    select(parts, "Show", run.statistics.map(s => [s.name, s.title]), state.what, value => state.what = value);
    parts.readout.before(make("div", { class: "scale" }, low, scaleBar, high));
    parts.legend.remove();
  }

  function group(network) {
    return `${network.depth} layers${isBare(network) ? " without norm" : ""}`;
  }

  function split() {
    const networks = run.networks.filter(n => n.branches.length > 0);
    if (networks.length === 0) {
      document.getElementById("figure-split").append(make("p", {}, "No network of this run has additions."));
      return;
    }

    const branches = [["shortcut", "var(--residual-4)", null], ["residual", "var(--plain-3)", null], ["gate", "var(--highway-3)", "6 4"]];
    const state = { name: deepest(networks)[0].name, index: 0, steps: [] };
    const parts = figure("figure-split", "the gradient at the additions", () => {
      const n = networks.find(network => network.name === state.name);
      state.steps = steps([n]);
      const step = time(), sample = sampleAt(n, step);
      const mine = branches.filter(b => n.branches.includes(b[0]));
      const value = (s, branch, i) => s?.[`${branch}_gradient`]?.[i] ?? null;
      const series = mine.map(([name, color, dash]) => ({ name, color, dash, width: 2.5, points: n.blocks.map((_, i) => [i + 1, value(sample, name, i)]) }));
      const y = { domain: range(n.samples.flatMap(s => mine.flatMap(b => n.blocks.map((_, i) => value(s, b[0], i)))), true), log: true };
      parts.legend.replaceChildren(...mine.map(([name, color, dash]) => make("span", { class: "controls" },
        svg("svg", { width: 22, height: 10, "aria-hidden": "true" }, svg("line", { x1: 1, x2: 21, y1: 5, y2: 5, stroke: color, "stroke-width": 3, "stroke-dasharray": dash })),
        name === "shortcut" ? "through the shortcut" : name === "residual" ? "through the residual branch" : "through the gate")));
      const middle = Math.floor(n.blocks.length / 2);
      const label = `Gradient by branch of the ${n.blocks.length} blocks of ${n.name} at step ${step}; in the middle: ${words(series, s => `${s.name} ${text(s.points[middle]?.[1])}`)}`;
      setPanels(parts, ["Norm of the gradient by branch"]);
      Chart.lines(panel(parts, "Norm of the gradient by branch", label), {
        x: { label: "block, from the images to the loss", domain: [1, Math.max(2, n.blocks.length)], whole: true }, y, series,
        read: at => parts.readout.textContent = `Block ${at} (${n.blocks[at - 1]}) at step ${step}: ${words(series, s => `${s.name} ${text(s.points[at - 1][1])}`)}`,
      });
      table(parts, `Norm of the gradient by branch at step ${step}, ${n.name}`, ["block", ...series.map(s => s.name)], n.blocks.map((block, i) => [block, ...series.map(s => text(s.points[i][1]))]));
    });
    select(parts, "Network", networks.map(n => [n.name, n.name]), state.name, value => state.name = value);
    const time = slider(parts, state);
  }

  return {
    build(study) {
      run = study;
      errors();
      depths("figure-depth", "gradient against depth", "activation_gradient", run.statistics.filter(s => s.name !== "deviation").map(s => s.name), 0);
      heat();
      depths("figure-responses", "responses by layer", "deviation", null, Infinity);
      split();
    },
    redraw: () => drawings.forEach(parts => parts.redraw()),
    path, isBare,
  };
})();
