"use strict";

// The text with the run's own numbers, the theme, and, where the page is served while the run goes on, its growth.
(() => {
  const { make, text, percent } = Chart;
  const source = JSON.parse(document.getElementById("run").textContent);
  const run = source.study;

  function final(network, what) {
    const last = network.train.slice(-Math.max(1, Math.floor(network.train.length / 10))).map(p => p[what]).filter(v => v !== null);
    return last.length === 0 ? null : last.reduce((a, b) => a + b, 0) / last.length;
  }

  function firstToLast(network, sample = network.samples[0]) {
    const norms = Figures.path(network).slice(0, -1).map(l => sample?.activation_gradient[l.index]);
    return norms.length === 0 || norms[0] === null || !norms.at(-1) ? null : norms[0] / norms.at(-1);
  }

  // The least that firstToLast was in the whole training.
  function least(network) {
    return Math.min(...network.samples.map(sample => firstToLast(network, sample)).filter(ratio => ratio !== null));
  }

  function of(kind, isBare) {
    return run.networks.filter(n => n.kind === kind && Figures.isBare(n) === isBare).sort((a, b) => a.depth - b.depth);
  }

  function median(values) {
    const sorted = values.filter(v => v !== null && Number.isFinite(v)).sort((a, b) => a - b);
    return sorted.length === 0 ? null : sorted[Math.floor(sorted.length / 2)];
  }

  // How a network's training ended, as words.
  function ending(network) {
    return network.state === "diverged" ? "diverges" : `ends with a training error of ${percent(final(network, "error"))} (loss ${text(final(network, "loss"))})`;
  }

  const rank = network => network.state === "diverged" ? Infinity : final(network, "loss");

  function* findings() {
    const plain = of("plain", false), residual = of("residual", false);
    const measured = list => list.filter(n => n.train.length > 0 || n.state === "diverged");
    const [shallow, deep] = [measured(plain)[0], measured(plain).at(-1)];
    const [first, last] = [measured(residual)[0], measured(residual).at(-1)];
    if (shallow && deep && shallow !== deep) {
      yield ["Degradation.", rank(deep) > rank(shallow)
        ? ` More layers make the plain network worse at what it is trained for: ${deep.name} ${ending(deep)}, ${shallow.name} ${ending(shallow)}. Layers that did nothing at all would have been no worse, so this is a difficulty of optimization.`
        : ` The plain networks do not degrade in this run: ${deep.name} ${ending(deep)}, ${shallow.name} ${ending(shallow)}. Deeper networks, or more steps, show it.`];
    }

    if (deep && last && deep.depth === last.depth) {
      const beats = rank(last) < rank(deep);
      yield ["Residual learning.", ` With shortcuts, ${last.name} ${ending(last)}; without them ${deep.name} ${ending(deep)}.${first !== last ? ` ${first.name} ${ending(first)}.` : ""} ${beats
        ? "If the best a block can do is close to the identity, it is easier to push its residual to zero than to fit the identity with layers."
        : "At this depth the shortcut does not yet pay off."}`];
    }

    const pairs = measured(plain).map(p => [p, measured(residual).find(r => r.depth === p.depth)]).filter(pair => pair[1]?.train.length && pair[0].train.length);
    const gap = ([p, r]) => final(p, "error") - final(r, "error");
    const widest = pairs.reduce((best, pair) => best === null || gap(pair) > gap(best) ? pair : best, null);
    if (widest && widest[0].depth !== deep.depth && gap(widest) > 0) {
      yield ["The gap is widest", ` at ${widest[0].depth} layers: a training error of ${percent(final(widest[0], "error"))} without shortcuts and ${percent(final(widest[1], "error"))} with them.`];
    }

    for (const highway of measured(of("highway", false)).slice(-1)) {
      yield ["Gates.", ` ${highway.name} ${ending(highway)}. Its gates learn how far the shortcut is open, and can close; an identity shortcut is always open and has nothing to learn.`];
    }

    const [bare, carried] = [of("plain", true).at(-1) ?? null, of("residual", true).at(-1) ?? null];
    if (bare?.samples.length && carried?.samples.length) {
      const [faded, kept] = [firstToLast(bare), firstToLast(carried)];
      const lost = [[bare, faded], [carried, kept]].filter(([, ratio]) => ratio === null).map(([network]) => network.name);
      yield ["Without normalization,", lost.length > 0
        ? ` the gradients of ${lost.join(" and ")} are zero or beyond single precision from the start.`
        : ` before the first step, the gradient at the first layer is ${text(faded)} times that at the last convolution in ${bare.name}, and ${text(kept)} times in ${carried.name}: a factor of ${text(kept / faded)} between them. The plain network’s gradient passes through every weight; the residual one’s also goes around them.`];
    }

    if (deep?.samples.length && last?.samples.length && deep.norm !== "none") {
      yield ["With normalization,", ` the same ratio is ${text(firstToLast(deep))} in ${deep.name} and ${text(firstToLast(last))} in ${last.name}. At the start nothing vanishes, as the paper says of its own plain networks.${firstToLast(deep) > 20 * firstToLast(last) ? ` Here ${deep.name}’s gradient grows on its way instead, layer by layer, and the residual network’s far less.` : ""}${least(deep) < 0.01 ? ` Later it is as small as ${text(least(deep))} in ${deep.name}, and never below ${text(least(last))} in ${last.name}.` : ""}`];
    }

    if (deep?.samples.length && last?.samples.length) {
      const spread = n => median(Figures.path(n).slice(1, -1).map(l => n.samples.at(-1).deviation[l.index]));
      yield ["Responses.", ` At step ${last.samples.at(-1).step} the median standard deviation of a layer’s response is ${text(spread(deep))} in ${deep.name} and ${text(spread(last))} in ${last.name}${spread(last) < 0.8 * spread(deep) ? ": residual functions stay closer to zero, and change the signal less." : ": no smaller, or not by much, after so few steps. The paper finds clearly smaller ones in residual networks at the end of a long training."}`];
    }

    if (last?.samples.length && last.branches.includes("shortcut")) {
      const sample = last.samples.at(-1);
      const ratio = median(sample.shortcut_gradient.map((g, i) => g / sample.residual_gradient[i]));
      yield ["At the additions", ` of ${last.name}, the median block receives ${text(ratio)} times as much gradient through its shortcut as through its residual branch (step ${sample.step}).`];
    }
  }

  function write() {
    const options = run.options;
    document.getElementById("subtitle").textContent = `${run.networks.length} networks on ${options.data}, ${Math.max(...run.networks.map(n => n.total_steps))} iterations of ${options.batch_size} images, learning rate ${options.learning_rate}, seed ${options.seed}`;
    const items = [...findings()].map(([head, rest]) => make("li", {}, make("strong", {}, head), rest));
    document.getElementById("findings").replaceChildren(...(items.length > 0 ? items : [make("li", {}, "Nothing has been measured yet.")]));
    const head = ["network", "parameters", "state", "training loss", "training error", "test error", "gradient, first / last layer at the start"];
    document.getElementById("networks").replaceChildren(
      make("thead", {}, make("tr", {}, ...head.map(h => make("th", { scope: "col" }, h)))),
      make("tbody", {}, ...run.networks.map(n => make("tr", {}, make("th", { scope: "row" }, n.name),
        ...[n.parameters.toLocaleString("en"), n.state, text(final(n, "loss")), percent(final(n, "error")), percent(n.test.at(-1)?.error ?? null), text(firstToLast(n))].map(cell => make("td", {}, cell))))));
    const thinned = source.every > 1 ? ` The page keeps one measurement in ${source.every}; the CSV files have all.` : "";
    document.getElementById("about").textContent = `Gradients and responses were measured every ${options.every} steps; norms are Euclidean, over the whole batch.${thinned}`;
    const status = document.getElementById("status");
    status.hidden = run.completed === true;
    if (run.completed !== true) {
      const done = run.networks.filter(n => ["finished", "diverged"].includes(n.state)).length;
      status.textContent = run.completed === null ? `Training: ${done} of ${run.networks.length} networks have ended.` : "The study was stopped before its end; what was measured until then is shown.";
    }
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    button.setAttribute("aria-pressed", String(theme === "dark"));
    try {
      sessionStorage.setItem("theme", theme);
    } catch {
      // Pages opened from disk may have no storage.
    }
  }

  function startTheme() {
    let stored = null;
    try {
      stored = sessionStorage.getItem("theme");
    } catch {
      // As above.
    }

    const preference = matchMedia("(prefers-color-scheme: dark)");
    setTheme(stored ?? (preference.matches ? "dark" : "light"));
    preference.addEventListener("change", () => setTheme(preference.matches ? "dark" : "light"));
    document.getElementById("theme").onclick = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  }

  // Server-sent events: first the run so far, then what happens to it.
  function follow() {
    let isWaiting = false;
    const show = () => {
      if (!isWaiting) {
        isWaiting = true;
        setTimeout(() => {
          isWaiting = false;
          write();
          Figures.redraw();
        }, 400);
      }
    };
    const events = new EventSource("events");
    events.addEventListener("run", message => {
      const now = JSON.parse(message.data);
      run.completed = now.completed;
      now.networks.forEach((network, i) => Object.assign(run.networks[i], network));
      if (run.completed !== null) {
        events.close();
      }

      show();
    });
    events.onmessage = message => {
      const { event, network: index, ...rest } = JSON.parse(message.data);
      const network = run.networks[index];
      switch (event) {
        case "end":
          run.completed = rest.completed;
          events.close();
          break;
        case "state":
          Object.assign(network, rest);
          break;
        default:
          network[event === "sample" ? "samples" : event].push(rest);
      }

      show();
    };
    events.onerror = () => {
      const status = document.getElementById("status");
      if (run.completed === null) {
        status.textContent = "The study’s process cannot be reached any more; the report is in its folder.";
      }
    };
  }

  startTheme();
  Figures.build(run);
  write();
  if (source.live) {
    follow();
  }
})();
