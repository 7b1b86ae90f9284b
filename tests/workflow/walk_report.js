// Clicks through the page that `snakemake --report` makes and says what it shows.
// In a scope of its own, since the page has globals of such names.
const reader = (() => {
  // Waits until `found()` gives something: the page draws itself anew after each click. Gives up after a minute.
  async function until(what, found) {
    for (const end = performance.now() + 60000; performance.now() < end; ) {
      const result = found();
      if (result) return result;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`the page did not show ${what}`);
  }

  // The part of the window beside the menu.
  const content = () => document.querySelector("#app nav").parentElement.lastElementChild;
  const rows = () => [...document.querySelectorAll("#app nav tbody tr")];
  const label = (row) => row.textContent.trim();
  const crumbs = () => [...document.querySelectorAll("#app nav ol a")];

  async function openMenu() {
    crumbs()[0].click();
    return until("its menu", () => {
      const found = [...document.querySelectorAll("#app nav ul a")];
      return found.some((link) => link.textContent.trim() === "About") && found;
    });
  }

  async function openCategory(name) {
    const links = await openMenu();
    links.find((link) => link.textContent.trim() === name).click();
    return until(`the results of ${name}`, () => rows().length && rows());
  }

  async function titles() {
    const names = (await openMenu()).map((link) => link.textContent.trim());
    return names.filter((name) => !["", "Workflow", "Statistics", "About"].includes(name));
  }

  // Number of distinct colours of a picture, counted up to 64.
  function colours(image) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const seen = new Set();
    for (const pixel of new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer)) {
      if (seen.add(pixel).size === 64) break;
    }
    return seen.size;
  }

  // Clicks a result's eye and says what it opens.
  async function look(row) {
    const [eye] = row.querySelectorAll("a");
    if (eye.hasAttribute("download")) return { kind: "file", width: 0, colours: 0 };
    const before = content().querySelector("img")?.src;
    eye.click();
    const shown = await until(label(row), () => {
      const found = content().querySelector("img, iframe");
      return found && found.src !== before && found;
    });
    if (shown.tagName === "IFRAME") return { kind: "page", width: shown.getBoundingClientRect().width, colours: 0 };
    await shown.decode();
    return { kind: "picture", width: shown.getBoundingClientRect().width, colours: colours(shown) };
  }

  // Clicks a result's information and gives its caption, and what docutils complained of in it.
  async function read(row, category) {
    row.querySelectorAll("a")[1].click();
    const caption = await until("a caption", () => document.querySelector("#app nav .prose"));
    const said = { caption: caption.innerText, complaints: caption.querySelectorAll(".system-message, .problematic").length };
    crumbs().find((link) => link.textContent.trim() === category).click();
    await until(`the results of ${category} again`, () => rows().length && !document.querySelector("#app nav .prose"));
    return said;
  }

  async function walk() {
    const found = {};
    for (const category of await titles()) {
      found[category] = {};
      const count = (await openCategory(category)).length;
      for (let index = 0; index < count; index++) {
        const name = label(rows()[index]);
        const seen = await look(rows()[index]);
        found[category][name] = { ...seen, ...(await read(rows()[index], category)) };
      }
    }
    return found;
  }

  // Opens a page that is a result, and waits until it is drawn.
  async function show(category, name) {
    const row = (await openCategory(category)).find((one) => label(one) === name);
    const loaded = new Promise((resolve) => content().addEventListener("load", resolve, { capture: true, once: true }));
    row.querySelector("a").click();
    await loaded;
  }

  return { walk, show };
})();
