// Inside the page: tells the page around it what a reader would see, once everything is laid out.
addEventListener("load", () => {
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  const luminance = (colour) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.match(/[\d.]+/g).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  const contrast = (colour) => Math.max(luminance(colour), paper) / Math.min(luminance(colour), paper);
  // Text on the fuller cells of heat maps stands on other colours than the page's.
  const plain = (text) => !(text.getAttribute("fill") ?? "").startsWith("var(--on-");
  const figure = (svg) => {
    const { width, height } = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")];
    const scale = width / svg.viewBox.baseVal.width;
    return {
      name: svg.querySelector("title")?.id ?? "",
      visible: svg.checkVisibility() && width > 100 && height > 100,
      described: svg.getAttribute("role") === "img" &&
        (svg.getAttribute("aria-labelledby") ?? "").split(" ").every((id) => document.getElementById(id)?.textContent),
      smallest_text: Math.min(...texts.map((text) => scale * text.getAttribute("font-size"))),
      least_contrast: Math.min(...texts.filter(plain).map((text) => contrast(getComputedStyle(text).fill))),
      outside: texts.filter((text) => {
        const [box, around] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
        return box.left < around.left || box.right > around.right + 1 || box.bottom > around.bottom;
      }).map((text) => text.textContent),
    };
  };
  const table = (table) => ({
    name: table.id,
    visible: table.checkVisibility() && table.getBoundingClientRect().height > 0,
    rows: table.tBodies.length && [...table.tBodies].reduce((rows, body) => rows + body.rows.length, 0),
    cells: table.querySelectorAll("th, td").length,
  });
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const root = document.documentElement;
  parent.postMessage({
    frame: window.name,
    width: innerWidth,
    content_width: root.scrollWidth,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    text_contrast: contrast(getComputedStyle(document.body).color),
    paper_is_dark: paper < 0.2,
    figures: [...document.querySelectorAll("figure svg")].map(figure),
    tables: [...document.querySelectorAll("table")].map(table),
    repeated_ids: ids.filter((id, at) => ids.indexOf(id) !== at),
    dead_links: [...document.querySelectorAll("nav a")].map((a) => a.hash).filter((hash) => !document.querySelector(hash)),
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
    language: root.lang,
    headings: [...document.querySelectorAll("h1, h2, h3, h4")].map((heading) => Number(heading.tagName[1])),
  }, "*");
});
