"use strict";
(() => {
  const page = JSON.parse(document.getElementById("figures").textContent);
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

  // Settings that a map has no axis for choose what it shows.
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
