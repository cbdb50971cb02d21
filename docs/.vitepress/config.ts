// The site: four groups of pages, local search, llms.txt. `npm run --prefix docs build` writes target/docs.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { renderMermaidSVG } from "beautiful-mermaid";
import { type DefaultTheme, defineConfig } from "vitepress";
import llmstxt from "vitepress-plugin-llms";

const docs = resolve(dirname(fileURLToPath(import.meta.url)), "..");

// Folders in the order of the sidebar, each with its pages in reading order. A page that is not listed follows, by name.
const groups: Record<string, { title: string; pages: string[] }> = {
  guides: {
    title: "Guides",
    pages: [
      "start",
      "app-settings",
      "console",
      "first-test",
      "first-test-rust",
      "first-test-dotnet",
      "sign-in-without-a-browser",
      "parallel-tests",
      "states",
      "spend-limits",
      "ci",
      "docker",
      "https",
      "client-libraries",
      "advice",
      "coding-agents",
    ],
  },
  reference: {
    title: "Reference",
    pages: [
      "settings",
      "seed",
      "scopes",
      "endpoints",
      "control-api",
      "faults",
      "journal",
      "cli",
      "rust",
      "advice-rules",
      "limits",
      "log",
    ],
  },
  explanation: {
    title: "Explanation",
    pages: ["contracts", "clock-and-determinism", "persistence", "security"],
  },
  development: {
    title: "Development",
    pages: ["architecture", "testing", "benchmarks", "measurements", "releasing"],
  },
};

/** The text of the first heading, without code marks. */
function title(file: string): string {
  const heading = readFileSync(file, "utf8").match(/^# (.+)$/m);
  if (!heading) throw new Error(`${file} has no heading of rank 1`);
  return heading[1].replaceAll("`", "");
}

function pages(folder: string, order: string[] = []): DefaultTheme.SidebarItem[] {
  const path = join(docs, folder);
  if (!existsSync(path)) return [];
  const names = readdirSync(path)
    .filter((name) => name.endsWith(".md"))
    .map((name) => name.slice(0, -".md".length));
  const known = order.filter((name) => names.includes(name));
  const rest = names.filter((name) => !order.includes(name)).sort();
  return [...known, ...rest].map((name) => ({
    text: title(join(path, `${name}.md`)),
    link: `/${folder}/${name}`,
  }));
}

const sidebar = Object.entries(groups).map(([folder, group]) => ({
  text: group.title,
  items: pages(folder, group.pages).map((item) =>
    item.link === "/reference/advice-rules"
      ? { ...item, collapsed: true, items: pages("reference/advice") }
      : item,
  ),
}));

export default defineConfig({
  title: "civitai-oauth-mock",
  description: "A stand-in for Civitai's OAuth 2.0 server that runs on your machine",
  lang: "en",
  outDir: "../target/docs",
  cacheDir: "../target/docs-cache",
  cleanUrls: false,
  ignoreDeadLinks: false,
  head: [["link", { rel: "icon", href: "data:," }]],
  markdown: {
    config(md) {
      // Diagrams become pictures here, so that the site needs no script for them and loads no font from elsewhere.
      const fence = md.renderer.rules.fence;
      md.renderer.rules.fence = (tokens, index, ...rest) => {
        const { info, content } = tokens[index];
        if (info.trim() !== "mermaid") return fence?.(tokens, index, ...rest) ?? "";
        const svg = renderMermaidSVG(content, { bg: "#ffffff", fg: "#27272a" });
        const drawn = svg.replace(/@import url\('[^']*'\);/, "");
        const picture = Buffer.from(drawn).toString("base64");
        return `<img class="diagram" alt="Diagram" src="data:image/svg+xml;base64,${picture}">\n`;
      };
      // Pages link to files of the repository outside this folder, such as SECURITY.md. The site does not have them,
      // so their links become plain text; .ci/docs.py checks that the files exist.
      md.core.ruler.push("repository-files", (state) => {
        const page = dirname(join(docs, state.env.relativePath ?? ""));
        for (const block of state.tokens) {
          let outside = false;
          for (const token of block.children ?? []) {
            if (token.type === "link_open") {
              const href = token.attrGet("href") ?? "";
              outside = /^\.\.?\//.test(href) && !resolve(page, href).startsWith(docs);
            }
            if (outside && token.type === "link_open") Object.assign(token, { type: "em_open", tag: "em", attrs: null });
            if (outside && token.type === "link_close") {
              Object.assign(token, { type: "em_close", tag: "em" });
              outside = false;
            }
          }
        }
      });
    },
  },
  themeConfig: {
    nav: Object.entries(groups).map(([folder, group]) => ({
      text: group.title,
      link: pages(folder, group.pages)[0]?.link ?? "/",
      activeMatch: `^/${folder}/`,
    })),
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: "local" },
  },
  vite: {
    // Every page as Markdown, llms.txt (the list of them) and llms-full.txt (all in one file).
    plugins: [llmstxt()],
  },
});
