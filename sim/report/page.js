"use strict";
(() => {
  const table = document.getElementById("numbers");
  if (table) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const search = document.getElementById("search");
    const hits = document.getElementById("hits");
    const texts = rows.map((row) => row.textContent.toLowerCase());
    search.closest("p").hidden = false;
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, place) => {
        row.hidden = !words.every((word) => texts[place].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      hits.textContent = words.length ? ` ${shown} of ${rows.length}` : "";
    });
    const order = new Intl.Collator("en", { numeric: true });
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const by = (one, two) => order.compare(one.cells[column].textContent, two.cells[column].textContent);
        body.append(...[...rows].sort((one, two) => (down ? by(two, one) : by(one, two))));
      });
    });
  }
  const closed = new Set();
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      closed.add(part);
      part.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
    closed.clear();
  });
})();
