// Nothing here is needed to use the pages; it only saves the eye some searching.
"use strict";

// Compare: pointing at a passage on one side, or moving to it by keyboard, lights it up on the other.
for (const mark of document.querySelectorAll("mark[data-passage]")) {
  const twins = () => document.querySelectorAll(`mark[data-passage="${mark.dataset.passage}"]`);
  const light = (on) => twins().forEach((twin) => twin.classList.toggle("lit", on));
  mark.addEventListener("pointerenter", () => light(true));
  mark.addEventListener("pointerleave", () => light(false));
  mark.addEventListener("click", () => {
    for (const twin of twins()) {
      if (twin !== mark) twin.scrollIntoView({ block: "center", behavior: "smooth" });
    }
  });
}
