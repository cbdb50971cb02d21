// VitePress's own theme, with tables that suit a reference.
import DefaultTheme from "vitepress/theme";

import "./tables.css";

export default DefaultTheme;
