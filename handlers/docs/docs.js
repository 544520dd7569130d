// The page at /docs: shows openapi.json, which lies beside it, to people. No library, no other host. Everything is made of
// elements and text, never of markup, so nothing in the description can become code.
"use strict";

(() => {
  const methods = ["get", "post", "put", "patch", "delete"];
  const openLevels = 1; // of nested members, shown without being asked
  const membersShown = 12; // of an answer, likewise; beside them stands an example
  let description = null;
  const operations = []; // { id, method, path, item, operation, words, card, link, section, group }

  // --- elements

  function el(tag, attributes, ...children) {
    const out = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "class") out.className = value;
      else if (name.startsWith("on")) out.addEventListener(name.slice(2), value);
      else if (value === true) out.setAttribute(name, "");
      else if (value !== false && value != null) out.setAttribute(name, value);
    }
    out.append(...children.flat().filter((each) => each != null && each !== ""));
    return out;
  }

  // `code`, **bold** and [links](#place) of a line.
  function inline(text) {
    const out = [];
    const mark = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\((#[^)\s]*)\)/g;
    let from = 0;
    for (const found of text.matchAll(mark)) {
      out.push(text.slice(from, found.index));
      if (found[1] != null) out.push(el("code", null, found[1]));
      else if (found[2] != null) out.push(el("strong", null, found[2]));
      else out.push(el("a", { href: found[4] }, found[3]));
      from = found.index + found[0].length;
    }
    out.push(text.slice(from));
    return out;
  }

  // Paragraphs, and lists whose items begin with a dash.
  function prose(text) {
    return (text || "").split(/\n{2,}/).filter(Boolean).map((block) => {
      const lines = block.split("\n");
      if (lines.every((line) => line.startsWith("- ")))
        return el("ul", null, lines.map((line) => el("li", null, inline(line.slice(2)))));
      return el("p", null, inline(lines.join(" ")));
    });
  }

  // --- the description

  // What a reference points to; what stands beside the reference goes before what it points to.
  function resolve(node) {
    for (let steps = 0; node && node.$ref && steps < 16; ++steps) {
      const { $ref, ...beside } = node;
      const target = $ref.slice(2).split("/").reduce((at, step) =>
        at && at[step.replaceAll("~1", "/").replaceAll("~0", "~")], description);
      node = { ...target, ...beside };
    }
    return node || {};
  }

  function refName(node) {
    return node && node.$ref ? node.$ref.split("/").pop() : "";
  }

  function parametersOf(each) {
    return [...(each.operation.parameters || []), ...(each.item.parameters || [])].map(resolve);
  }

  // [media type, content] of a body or an answer; the first is all there is.
  function contentOf(node) {
    return Object.entries((node && node.content) || {})[0] || ["", null];
  }

  function examplesOf(content) {
    if (!content) return [];
    if (content.examples)
      return Object.entries(content.examples).map(([name, each]) => {
        const example = resolve(each);
        return { name: example.summary || name, value: example.value };
      });
    return "example" in content ? [{ name: "Example", value: content.example }] : [];
  }

  function typeOf(schema, names = true) {
    const name = names ? refName(schema) : "";
    const what = resolve(schema);
    const several = what.oneOf || what.anyOf;
    if (several && several.every((each) => each.$ref || each.type)) return several.map((each) => typeOf(each)).join(" or ");
    const types = [].concat(what.type || (what.properties ? "object" : "any"));
    return types.map((type) => {
      if (type === "array") return "array of " + typeOf(what.items || {});
      if (type === "object" && name) return name;
      return type === "string" && what.format ? what.format : type;
    }).join(" or ");
  }

  function limitsOf(schema) {
    const what = resolve(schema);
    const out = [];
    const range = (least, most, unit) => {
      if (least != null && most != null) out.push(`${least} to ${most}${unit}`);
      else if (most != null) out.push(`up to ${most}${unit}`);
      else if (least != null && least !== 0) out.push(`${least}${unit} or more`);
    };
    range(what.minimum, what.maximum, "");
    range(what.minLength, what.maxLength, " characters");
    range(what.minItems, what.maxItems, " entries");
    if (what.default !== undefined) out.push("default " + JSON.stringify(what.default));
    if (what.pattern) out.push(what.pattern);
    return out.join(", ");
  }

  function valuesOf(schema) {
    const what = resolve(schema);
    const values = what.enum || (what.const !== undefined ? [what.const] : []);
    const inner = what.type === "array" && what.items ? resolve(what.items).enum || [] : [];
    return [...values, ...inner].filter((value) => value !== null);
  }

  // The object whose members are shown below a field: itself, or what its entries are.
  function membersOf(schema) {
    const what = resolve(schema);
    if (what.properties) return what;
    if (what.items) return membersOf(what.items);
    for (const each of what.oneOf || what.anyOf || [])
      if (each.$ref || each.properties) return membersOf(each);
    return null;
  }

  // --- fields

  function field(name, schema, required, seen, note) {
    const what = resolve(schema);
    const values = valuesOf(schema);
    const members = membersOf(schema);
    const key = refName(schema) || (what.items && refName(what.items));
    const out = el("div", { class: "field" },
      el("div", { class: "head" },
        el("span", { class: "name" }, name),
        el("span", { class: "type" }, typeOf(schema)),
        required ? el("span", { class: "required" }, "required") : null,
        note ? el("span", { class: "type" }, note) : null,
        el("span", { class: "limits" }, limitsOf(schema))),
      el("div", { class: "says" }, prose(what.description)),
      values.length ? el("div", { class: "chips" }, values.map((value) => el("span", { class: "chip code" }, String(value)))) : null);
    if (members && !(key && seen.includes(key))) {
      const below = el("details", { open: seen.length < openLevels },
        el("summary", null, key || (what.items ? "entries" : "members")));
      const fill = once(() => below.append(fields(members, key ? [...seen, key] : [...seen, ""])));
      below.addEventListener("toggle", () => below.open && fill());
      if (below.open) fill();
      out.append(below);
    }
    return out;
  }

  function fields(schema, seen = []) {
    const what = membersOf(schema) || resolve(schema);
    const required = what.required || [];
    const rows = Object.entries(what.properties || {}).map(([name, each]) => field(name, each, required.includes(name), seen));
    const others = what.additionalProperties;
    if (others && typeof others === "object") rows.push(field("any other", others, false, seen));
    return el("div", { class: "fields" }, rows);
  }

  function schemaView(schema) {
    const what = resolve(schema);
    const choices = (what.anyOf || what.oneOf || []).filter((each) => each.$ref);
    if (choices.length > 1 && !what.properties)
      return choices.map((each) => el("div", null, el("p", null, el("strong", null, refName(each))), fields(each)));
    const about = what.type === "array" ? "An array of:" : what.description;
    return [...prose(about), membersOf(schema) || what.additionalProperties ? fields(schema) : el("p", null, typeOf(schema))];
  }

  function once(action) {
    let done = false;
    return () => {
      if (!done) action();
      done = true;
    };
  }

  // --- samples

  function coloured(value) {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    if (typeof value === "string") return [text];
    const token = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;
    const out = [];
    let from = 0;
    for (const found of text.matchAll(token)) {
      out.push(text.slice(from, found.index));
      const kind = found[2] ? "key" : found[1] ? "string" : /^[tfn]/.test(found[0]) ? "literal" : "number";
      out.push(el("span", { class: kind }, found[1] || found[0]), found[2] || "");
      from = found.index + found[0].length;
    }
    out.push(text.slice(from));
    return out;
  }

  // A box with one of several texts; `onchange` is told which.
  function sample(title, choices, show, onchange) {
    const pre = el("pre", { tabindex: "0" });
    let copied = "";
    const put = (index) => {
      const shown = show(choices[index].value);
      copied = typeof shown === "string" ? shown : JSON.stringify(shown, null, 2);
      pre.replaceChildren(...coloured(shown));
      if (onchange) onchange(choices[index].value);
    };
    const chooser = choices.length > 1
      ? el("select", { "aria-label": title, onchange: (event) => put(Number(event.target.value)) },
          choices.map((each, index) => el("option", { value: index }, each.name)))
      : null;
    const copy = el("button", { type: "button", onclick: async () => {
      try {
        await navigator.clipboard.writeText(copied);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(pre); // no clipboard without https; then the reader presses the keys
        copy.textContent = "Selected";
      }
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    } }, "Copy");
    put(0);
    return { box: el("div", { class: "sample" }, el("div", { class: "bar" }, el("span", null, title), chooser, copy), pre), put };
  }

  function quoted(text) {
    return "'" + text.replaceAll("'", "'\\''") + "'";
  }

  function baseOf(each) {
    if (each.operation["x-side"] !== "device") return location.href.split("#")[0].split("?")[0].replace(/\/docs\/?$/, "");
    const server = each.item.servers[0];
    return server.url.replace(/\{(\w+)\}/g, (whole, name) => server.variables[name].default);
  }

  function curl(each, body) {
    const parameters = parametersOf(each);
    const path = each.path.replace(/\{(\w+)\}/g, (whole, name) => {
      const found = parameters.find((one) => one.in === "path" && one.name === name);
      return found && found.example !== undefined ? encodeURIComponent(found.example) : name.toUpperCase();
    });
    const query = parameters.filter((one) => one.in === "query" && (one.required || one.example !== undefined))
      .flatMap((one) => [].concat(one.example ?? "").map((value) => one.name + "=" + encodeURIComponent(value)));
    const parts = ["curl"];
    const open = each.operation.security && each.operation.security.length === 0;
    if (!open) parts.push('-u "$ACCOUNT:$PASSWORD"');
    if (each.method === "get" ? body !== undefined : !(each.method === "post" && body !== undefined)) {
      if (each.method !== "get") parts.push("-X " + each.method.toUpperCase());
    }
    const [type] = contentOf(each.operation["x-side"] === "office" ? resolve(each.operation.responses["200"]) : null);
    if (type === "text/event-stream") parts.push("-N");
    parts.push(quoted(baseOf(each) + path + (query.length ? "?" + query.join("&") : "")));
    for (const one of parameters)
      if (one.in === "header" && one.required) parts.push("-H " + quoted(one.name + ": " + (one.example ?? "...")));
    if (body !== undefined) parts.push("-H 'Content-Type: application/json'", "-d " + quoted(JSON.stringify(body)));
    return parts.reduce((line, part) => line.length - line.lastIndexOf("\n") + part.length > 66 ? line + " \\\n  " + part : line + " " + part);
  }

  // --- an operation

  function whoMayCall(operation) {
    if (operation["x-side"] === "device") return [el("span", null, "Phones, which prove themselves in the request.")];
    const roles = operation["x-roles"] || [];
    if (!roles.length) return [el("span", null, "Everybody, without an account.")];
    const right = operation["x-operator-right"];
    return roles.map((role) => el("span", { class: "chip" }, role === "OPERATOR" && right ? `OPERATOR with ${right}` : role));
  }

  function parameterViews(each) {
    const all = parametersOf(each);
    const views = [];
    for (const [where, title] of [["path", "In the path"], ["query", "In the query"]]) {
      const some = all.filter((one) => one.in === where);
      if (some.length) views.push(el("h4", null, title), el("div", { class: "fields" }, some.map(parameterField)));
    }
    const headers = all.filter((one) => one.in === "header");
    const needed = headers.filter((one) => one.required);
    const optional = headers.filter((one) => !one.required);
    if (needed.length) views.push(el("h4", null, "Headers"), el("div", { class: "fields" }, needed.map(parameterField)));
    if (optional.length)
      views.push(el("details", { class: "more" }, el("summary", null, optional.length + " optional headers"),
        el("div", { class: "fields" }, optional.map(parameterField))));
    return views;
  }

  function parameterField(one) {
    const what = resolve(one.schema);
    return field(one.name, { ...what, description: one.description || what.description }, one.required, [""],
      what.type === "array" ? "may be repeated" : "");
  }

  function answerView(status, reference) {
    const answer = resolve(reference);
    const [, content] = contentOf(answer);
    const good = status < 400;
    const codes = answer["x-error-codes"] || [];
    const out = el("div", { class: "answer" },
      el("div", { class: "head" }, el("span", { class: "status " + (good ? "good" : "bad") }, status), prose(answer.description)),
      codes.length ? el("div", { class: "chips" }, codes.map((code) => el("span", { class: "chip code" }, code))) : null);
    if (good && content) {
      const members = Object.keys((membersOf(content.schema) || {}).properties || {}).length;
      out.append(el("details", { open: members <= membersShown }, el("summary", null, "Members"), schemaView(content.schema)));
    }
    return out;
  }

  function fill(each) {
    const operation = each.operation;
    const request = resolve(operation.requestBody);
    const [type, content] = contentOf(request);
    const answers = Object.entries(operation.responses);

    const left = el("div", null,
      ...prose(operation.description),
      el("h4", null, "Who may call it"), el("div", { class: "chips" }, whoMayCall(operation)),
      ...parameterViews(each));
    if (content) left.append(el("h4", null, "Body" + (request.required ? "" : ", may be left out")), ...schemaView(content.schema));
    left.append(el("h4", null, "Answers"), ...answers.map(([status, answer]) => answerView(status, answer)));

    const right = el("div", null);
    const bodies = examplesOf(content);
    if (bodies.length) {
      const shell = sample("curl", [{ name: "", value: bodies[0].value }], (body) => curl(each, body));
      const bodyBox = sample(type, bodies, (value) => value, (value) => {
        shell.box.querySelector("pre").textContent = curl(each, value);
      });
      right.append(el("h4", null, "Request"), bodyBox.box, shell.box);
    } else if (!operation["x-not-offered"]) {
      right.append(el("h4", null, "Request"), sample("curl", [{ name: "", value: undefined }], () => curl(each)).box);
    }
    for (const [status, reference] of answers) {
      const [answerType, answer] = contentOf(resolve(reference));
      const examples = examplesOf(answer);
      if (status < 400 && examples.length)
        right.append(el("h4", null, "Answer " + status), sample(answerType, examples, (value) => value).box);
    }
    const errors = answers.filter(([status]) => status >= 400).flatMap(([status, reference]) =>
      examplesOf(contentOf(resolve(reference))[1]).map((example) => ({ ...example, name: status + " " + example.name })));
    if (errors.length) right.append(el("h4", null, "Errors"), sample("application/json", errors, (value) => value).box);

    each.card.append(el("div", { class: "body" }, left, right));
  }

  function pathView(path) {
    return path.split(/(\{\w+\})/).map((part) => part.startsWith("{") ? el("b", null, part) : part);
  }

  function makeCard(each) {
    const operation = each.operation;
    each.card = el("details", { class: "operation" + (operation["x-not-offered"] ? " not-offered" : ""), id: each.id },
      el("summary", null,
        el("span", { class: "method " + each.method }, each.method.toUpperCase()),
        el("span", { class: "path" }, pathView(each.path)),
        el("span", { class: "says" }, operation.summary)));
    const filled = once(() => fill(each));
    each.card.addEventListener("toggle", () => {
      if (!each.card.open) return;
      filled();
      if (location.hash !== "#" + each.id) history.replaceState(null, "", "#" + each.id);
      mark(each);
    });
    each.link = el("li", null, el("a", { href: "#" + each.id, title: each.method.toUpperCase() + " " + each.path },
      el("span", { class: "method " + each.method }, each.method.toUpperCase().replace("DELETE", "DEL")),
      el("span", null, operation.summary)));
  }

  // --- finding

  // All that an operation is found by: names of members, however deep, and error codes included.
  function wordsOf(each) {
    const out = [each.method, each.path, each.id, each.operation.summary, each.operation.description, each.operation.tags[0]];
    const seen = new Set();
    const collect = (node) => {
      if (!node || typeof node !== "object") return;
      if (node.$ref) {
        if (seen.has(node.$ref)) return;
        seen.add(node.$ref);
        node = resolve(node);
      }
      if (Array.isArray(node)) return node.forEach(collect);
      if (node.properties) out.push(...Object.keys(node.properties));
      if (node.enum) out.push(...node.enum);
      if (node.name && node.in) out.push(node.name);
      if (node["x-error-codes"]) out.push(...node["x-error-codes"]);
      for (const [key, value] of Object.entries(node))
        if (!["example", "examples", "description", "headers", "x-error-codes"].includes(key)) collect(value);
    };
    collect(each.operation.parameters);
    collect(each.operation.requestBody && resolve(each.operation.requestBody).content);
    for (const [status, reference] of Object.entries(each.operation.responses)) {
      const answer = resolve(reference);
      if (status < 400) collect(answer.content);
      else out.push(status, ...(answer["x-error-codes"] || []));
    }
    return out.filter(Boolean).join(" ").toLowerCase();
  }

  function filter() {
    const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const role = document.getElementById("role").value;
    let shown = 0;
    for (const each of operations) {
      const roles = each.operation["x-roles"] || [];
      const allowed = !role || (role === "PHONE" ? each.operation["x-side"] !== "office" : roles.includes(role));
      const fits = allowed && words.every((word) => each.words.includes(word));
      each.card.hidden = each.link.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const place of document.querySelectorAll("section.tag, nav .group, nav .tag"))
      place.hidden = !place.querySelector("details.operation:not([hidden]), li:not([hidden])");
    document.querySelector(".intro").hidden = words.length > 0;
    document.getElementById("count").textContent =
      words.length || role ? `${shown} of ${operations.length} operations` : `${operations.length} operations`;
  }

  function mark(each) {
    for (const one of document.querySelectorAll("nav a.here")) one.classList.remove("here");
    const link = each.link.firstChild;
    link.classList.add("here");
    const nav = document.getElementById("nav"); // it alone is scrolled, never the page
    const above = link.getBoundingClientRect().top - nav.getBoundingClientRect().top;
    if (above < 0 || above > nav.clientHeight - link.clientHeight) nav.scrollTop += above - nav.clientHeight / 2;
  }

  function followHash() {
    const id = decodeURIComponent(location.hash.slice(1));
    const each = operations.find((one) => one.id === id);
    if (!each) return;
    if (each.card.hidden) { // whoever follows a link wants to see what is there
      document.getElementById("search").value = "";
      document.getElementById("role").value = "";
      filter();
    }
    each.card.open = true;
    each.card.scrollIntoView();
  }

  // --- the page

  const themes = ["Auto", "Light", "Dark"];
  function setTheme(name) {
    document.documentElement.dataset.theme = name.toLowerCase();
    document.getElementById("theme").textContent = name;
  }
  function themeKept() {
    try {
      return localStorage.getItem("doorward-theme");
    } catch {
      return null;
    }
  }
  function nextTheme() {
    const now = document.getElementById("theme").textContent;
    const next = themes[(themes.indexOf(now) + 1) % themes.length];
    setTheme(next);
    try {
      localStorage.setItem("doorward-theme", next);
    } catch {
      // it lasts until the page is left
    }
  }

  function anchor(name) {
    return "tag-" + name.toLowerCase().replace(/\W+/g, "-");
  }

  function show() {
    const { info } = description;
    document.title = info.title + " API";
    document.getElementById("title").textContent = info.title + " API";
    document.getElementById("version").textContent = info.version;
    const main = document.getElementById("content");
    const nav = document.getElementById("nav");
    main.replaceChildren(el("div", { class: "intro", id: "top" }, el("h1", null, info.title), el("p", null, info.summary || ""),
      prose(info.description), el("p", null, "For programs: ", el("a", { href: "openapi.json" }, "openapi.json"), " (OpenAPI ", description.openapi, ").")));

    for (const [path, item] of Object.entries(description.paths))
      for (const method of methods)
        if (item[method]) operations.push({ id: item[method].operationId, method, path, item, operation: item[method] });
    for (const each of operations) {
      each.words = wordsOf(each);
      makeCard(each);
    }
    for (const group of description["x-tagGroups"] || [{ name: "", tags: description.tags.map((tag) => tag.name) }]) {
      const groupNav = el("div", { class: "group" }, el("h2", null, group.name));
      for (const name of group.tags) {
        const tag = description.tags.find((one) => one.name === name) || { name };
        const of = operations.filter((each) => each.operation.tags[0] === name);
        main.append(el("section", { class: "tag" }, el("h2", { id: anchor(name) }, name), el("div", null, prose(tag.description)), of.map((each) => each.card)));
        groupNav.append(el("div", { class: "tag" }, el("h3", null, el("a", { href: "#" + anchor(name) }, name)), el("ul", null, of.map((each) => each.link))));
      }
      nav.append(groupNav);
    }
    const roles = new Set(operations.flatMap((each) => each.operation["x-roles"] || []));
    document.getElementById("role").append(...[...roles].map((role) => el("option", { value: role }, "What " + role + " may call")),
      el("option", { value: "PHONE" }, "What phones call"));
    filter();
    followHash();
  }

  async function start() {
    setTheme(themes.includes(themeKept()) ? themeKept() : "Auto");
    document.getElementById("theme").addEventListener("click", nextTheme);
    document.getElementById("search").addEventListener("input", filter);
    document.getElementById("role").addEventListener("change", filter);
    addEventListener("hashchange", followHash);
    addEventListener("keydown", (event) => {
      const search = document.getElementById("search");
      if (event.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement.tagName)) {
        event.preventDefault();
        search.select();
      } else if (event.key === "Escape" && document.activeElement === search) {
        search.value = "";
        filter();
      }
    });
    try {
      const answer = await fetch("openapi.json");
      if (!answer.ok) throw new Error("openapi.json was answered " + answer.status);
      description = await answer.json();
      show();
    } catch (fault) {
      document.getElementById("content").replaceChildren(el("p", { class: "failed" }, "The description could not be shown: " + fault.message));
    }
  }

  start();
})();
