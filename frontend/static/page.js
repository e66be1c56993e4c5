// The page: send an image, show what was read. No build step, nothing from elsewhere.
const element = (id) => document.getElementById(id);
const KEY = "ocr-api-key";
const SVG = "http://www.w3.org/2000/svg";

let answer = null;
let latest = 0;
let previewUrl = null;

function say(sentence, bad = false) {
  element("status").textContent = sentence;
  element("status").classList.toggle("bad", bad);
}

function headers() {
  const key = sessionStorage.getItem(KEY);
  return key ? { "X-API-Key": key } : {};
}

async function loadModels() {
  const response = await fetch("/models").catch(() => null);
  if (!response?.ok) return;
  const { models } = await response.json();
  const options = models.map((model) => new Option(`${model.name} (${model.version})`, model.name));
  if (options.length) element("model").replaceChildren(...options);
}

function form(file) {
  const data = new FormData();
  data.append("image", file);
  data.append("detail", "chars");
  data.append("async", "false");
  if (element("model").value) data.append("model", element("model").value);
  return data;
}

async function read(file) {
  const ticket = ++latest;
  preview(file);
  say("Reading…");
  element("result").hidden = true;
  document.querySelector("button[type=submit]").disabled = true;
  try {
    const response = await fetch("/recognize", { method: "POST", body: form(file), headers: headers() });
    const body = await response.json();
    if (ticket !== latest) return; // another image was chosen meanwhile
    if (response.ok) show(body);
    else if (response.status === 401) askForKey();
    else say(body.detail ?? "The service gave an unexpected answer.", true);
  } catch {
    say("The service cannot be reached. Is it running?", true);
  } finally {
    document.querySelector("button[type=submit]").disabled = false;
  }
}

function askForKey() {
  element("key-field").hidden = false;
  element("key").focus();
  say("This service needs an API key: type yours in, then press Read it.", true);
}

function preview(file) {
  if (previewUrl) URL.revokeObjectURL(previewUrl);
  previewUrl = URL.createObjectURL(file);
  element("preview").src = previewUrl;
}

function show(body) {
  answer = body;
  element("text").textContent = body.text || "No text was found in this image.";
  const facts = {
    Confidence: body.confidence === null ? "none" : `${(body.confidence * 100).toFixed(1)} %`,
    Time: `${body.elapsed_ms} ms${body.cached ? ", from the cache" : ""}`,
    Size: `${body.width} × ${body.height}`,
    Model: `${body.model} ${body.model_version}`,
  };
  const pairs = Object.entries(facts).flatMap(([name, value]) => [labelled("dt", name), labelled("dd", value)]);
  element("facts").replaceChildren(...pairs);
  draw();
  element("result").hidden = false;
  say((body.warnings ?? ["Done."]).join(" "));
}

function labelled(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}

function draw() {
  element("stage").style.aspectRatio = `${answer.width} / ${answer.height}`; // also where a browser shows no TIFF
  element("boxes").setAttribute("viewBox", `0 0 ${answer.width} ${answer.height}`);
  const shapes = answer.lines.map((line) => shape("polygon", { points: line.polygon.join(" ") }));
  if (element("characters").checked) {
    shapes.push(...answer.lines.flatMap((line) => line.chars.map((char) => shape("rect", rectangle(char.bbox)))));
  }
  element("boxes").replaceChildren(...shapes);
}

function rectangle([[left, top], [right, bottom]]) {
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

function listen() {
  const drop = element("drop");
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, () => drop.classList.add("over"));
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    element("file").files = event.dataTransfer.files;
    read(event.dataTransfer.files[0]);
  });
  element("file").addEventListener("change", (event) => event.target.files[0] && read(event.target.files[0]));
  element("upload").addEventListener("submit", (event) => {
    event.preventDefault();
    read(element("file").files[0]);
  });
  element("characters").addEventListener("change", draw);
  element("key").addEventListener("change", (event) => sessionStorage.setItem(KEY, event.target.value.trim()));
  element("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(answer.text);
      say("The text was copied.");
    } catch {
      say("The browser does not allow copying here: select the text and copy it yourself.", true);
    }
  });
}

listen();
loadModels();
