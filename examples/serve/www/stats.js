"use strict";
const number = (n) => n.toLocaleString("en");
const columns = [
  (w) => w.worker,
  (w) => number(w.connections),
  (w) => number(w.runs),
  (w) => number(w.stolen),
  (w) => number(w.parks),
  (w) => (w.longest_run_ns / 1e6).toFixed(2) + " ms",
  (w) => (w.busy_ns / 1e9).toFixed(2) + " s",
];

async function refresh() {
  try {
    const stats = await (await fetch("/.evrt/stats")).json();
    document.getElementById("workers").replaceChildren(...stats.workers.map((worker) => {
      const row = document.createElement("tr");
      for (const column of columns) row.insertCell().textContent = column(worker);
      return row;
    }));
    document.getElementById("totals").textContent =
      `${number(stats.requests)} requests, ${number(stats.connections_open)} connections open.`;
  } catch (error) {
    document.getElementById("totals").textContent = `No statistics: ${error.message}`;
  }
  setTimeout(refresh, 1000);
}

refresh();
