"use strict";
(() => {
  const page = JSON.parse(document.getElementById("figures").textContent);
  // A finger that moves over a figure scrolls the page; zoom is on the figure's buttons.
  const touch = matchMedia("(pointer: coarse)").matches;
  const timed = [];
  page.figures.forEach((figure, at) => {
    const plot = document.getElementById("figure" + at);
    if (touch) figure.layout.dragmode = false;
    if (figure.timed) {
      figure.data.forEach(trace => { trace.x = page.times; });
      timed.push(plot);
    }
    Plotly.newPlot(plot, figure.data, figure.layout, page.config);
  });

  // Figures over time zoom together and show the same instruments.
  let following = false;
  const follow = (leader, act) => {
    if (following) return;
    following = true;
    const others = timed.filter(plot => plot !== leader);
    Promise.all(others.map(act)).finally(() => { following = false; });
  };
  timed.forEach(plot => {
    plot.on("plotly_relayout", change => {
      const time = Object.fromEntries(Object.entries(change).filter(([key]) => key.startsWith("xaxis.")));
      if (Object.keys(time).length) follow(plot, other => Plotly.relayout(other, time));
    });
    plot.on("plotly_restyle", ([change, traces]) => follow(plot, other => Plotly.restyle(other, change, traces)));
  });

  // Paper has its own width.
  const plots = [...document.querySelectorAll(".plot")];
  const width = size => plots.forEach(plot => Plotly.relayout(plot, size));
  addEventListener("beforeprint", () => { following = true; width({ width: 660, height: 235 }); });
  addEventListener("afterprint", () => { width({ width: null, height: null, autosize: true }); following = false; });
})();
