// The page of the interface: a button that copies beside each command line. Without this script they are selected by hand.
"use strict";

for (const line of document.querySelectorAll("pre.curl")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet small-button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${line.getAttribute("aria-label")}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(line);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  line.after(button);
}
