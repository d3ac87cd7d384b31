import { HoldfastError } from "@holdfast/core";

/** Absolute paths of nodes from the relative ones of the store. */
export interface NodePaths {
  /** The chroot itself: `/holdfast`, or `/`. */
  readonly root: string;
  /** @throws `INTERNAL` for a path that is no relative path. */
  absolute(path: string): string;
  /** Everything above that node down from the chroot, which is not among them; outermost first. */
  parents(path: string): readonly string[];
}

/** The client is never given the chroot: its own could not make it, and reports other paths than it was asked for. */
export function nodePaths(chroot: string): NodePaths {
  const prefix = chroot === "/" ? "" : chroot;
  return {
    root: chroot,
    absolute: (path) => `${prefix}/${segmentsOf(path).join("/")}`,
    parents(path) {
      const segments = segmentsOf(path).slice(0, -1);
      return segments.map((_, index) => `${prefix}/${segments.slice(0, index + 1).join("/")}`);
    },
  };
}

function segmentsOf(path: string): string[] {
  const segments = path.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw new HoldfastError("INTERNAL", `"${path}" is not a relative path of the store.`, {
      hint: "Segments separated by single slashes, none of them empty or relative.",
    });
  }
  return segments;
}
