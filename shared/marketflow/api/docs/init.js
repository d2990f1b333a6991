"use strict";

// This file is <base>/v1/docs/init.js. What <base> is depends on the stage and on the custom domain, which the document
// cannot know: so the page, and not the document, says where the calls go.
const base = new URL("../..", document.currentScript.src).href.replace(/\/$/, "");

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();

async function start() {
  const answer = await fetch(`${base}/v1/openapi.json`, { credentials: "omit" });
  if (!answer.ok) {
    throw new Error(`it answered ${answer.status}`);
  }
  const spec = await answer.json();
  window.SwaggerUIBundle({
    dom_id: "#swagger-ui",
    spec: { ...spec, servers: [{ url: base }] },
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    docExpansion: "list",
    // A key is a secret: it is kept in memory, and never in the browser's storage.
    persistAuthorization: false,
    tryItOutEnabled: true,
    // The default asks a third party.
    validatorUrl: null,
  });
}

start().catch((error) => {
  const words = document.createElement("p");
  words.className = "hint";
  words.textContent = `The description of this API could not be read: ${error.message}. Reload the page to try again.`;
  document.getElementById("swagger-ui").replaceChildren(words);
});
