// Before the first paint, so that it has the right colours.
import { applyTheme } from "./theme";

applyTheme();
