"use strict";
(() => {
  const drawn = document.getElementById("figures");
  if (!drawn) return;
  const page = JSON.parse(drawn.textContent);
  // A finger that moves over a figure scrolls the page; zoom is on the figure's buttons.
  const touch = matchMedia("(pointer: coarse)").matches;
  const timed = [], linked = [];
  page.figures.forEach((figure, at) => {
    const plot = document.getElementById("figure" + at);
    if (touch) figure.layout.dragmode = false;
    if (figure.timed) {
      figure.data.forEach(trace => { trace.x = page.times; });
      timed.push(plot);
      if (figure.linked) linked.push(plot);
    }
    Plotly.newPlot(plot, figure.slices ? figure.slices[figure.slice] : figure.data, figure.layout, page.config);
  });

  document.querySelectorAll("[data-log]").forEach(box => box.addEventListener("change", () => {
    Plotly.relayout(box.dataset.log, { "yaxis.type": box.checked ? "log" : "linear", "yaxis.autorange": true });
  }));

  // Lists of values for the settings that a map has no axis for.
  const choices = [...document.querySelectorAll("[data-stride]")];
  choices.forEach(choice => choice.addEventListener("change", () => {
    const slice = choices.reduce((sum, one) => sum + one.dataset.stride * one.selectedIndex, 0);
    page.figures.forEach((figure, at) => {
      if (figure.slices) Plotly.react("figure" + at, figure.slices[slice], figure.layout, page.config);
    });
  }));

  // Figures over time zoom together, and those of the same instruments show the same ones.
  let following = false;
  const follow = (leader, plots, act) => {
    if (following) return;
    following = true;
    const others = plots.filter(plot => plot !== leader);
    Promise.all(others.map(act)).finally(() => { following = false; });
  };
  timed.forEach(plot => {
    plot.on("plotly_relayout", change => {
      const time = Object.fromEntries(Object.entries(change).filter(([key]) => key.startsWith("xaxis.")));
      if (Object.keys(time).length) follow(plot, timed, other => Plotly.relayout(other, time));
    });
  });
  linked.forEach(plot => {
    plot.on("plotly_restyle", ([change, traces]) => {
      follow(plot, linked, other => Plotly.restyle(other, change, traces));
    });
  });

  // Paper has its own width.
  const plots = [...document.querySelectorAll(".plot")];
  const resize = size => plots.forEach(plot => Plotly.relayout(plot, size(plot)));
  addEventListener("beforeprint", () => {
    following = true;
    resize(plot => ({ width: 660, height: plot.classList.contains("tall") ? 340 : 235 }));
  });
  addEventListener("afterprint", () => {
    resize(() => ({ width: null, height: null, autosize: true }));
    following = false;
  });
})();

// Tables that can be searched and sorted. Buttons in the headings make both work from the keyboard.
document.querySelectorAll(".sortable").forEach(block => {
  const table = block.querySelector("table"), body = table.tBodies[0], rows = [...body.rows];
  const text = (row, column) => row.cells[column].textContent.trim();
  const number = value => {
    const plain = value.replace(/[,\s%]/g, "").replace("\u2212", "-");
    return plain && isFinite(plain) ? Number(plain) : null;
  };
  const isEmpty = value => value === "" || value === "\u2013";

  const label = document.createElement("label");
  const search = document.createElement("input");
  search.type = "search";
  search.autocomplete = "off";
  label.append("Search ", search);
  const shown = document.createElement("span");
  shown.setAttribute("role", "status");
  const count = of => { shown.textContent = of + " of " + rows.length + " rows"; };
  const bar = document.createElement("p");
  bar.className = "search";
  bar.append(label, " ", shown);
  block.prepend(bar);
  const texts = rows.map(row => row.textContent.toLowerCase());
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    let of = 0;
    rows.forEach((row, at) => {
      row.hidden = !texts[at].includes(wanted);
      if (!row.hidden) of += 1;
    });
    count(of);
  });
  count(rows.length);

  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach(other => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const values = rows.map(row => text(row, column));
      const numbers = values.map(number);
      const isNumeric = values.every((value, at) => isEmpty(value) || numbers[at] !== null);
      const order = rows.map((row, at) => at);
      // Cells without a value are last in both directions.
      order.sort((a, b) => {
        const empty = isEmpty(values[a]) - isEmpty(values[b]);
        if (empty) return empty;
        const way = isNumeric ? numbers[a] - numbers[b] : values[a].localeCompare(values[b], "en");
        return (up ? way : -way) || a - b;
      });
      body.append(...order.map(at => rows[at]));
    });
  });
});
