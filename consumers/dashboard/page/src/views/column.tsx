// One of two columns of a page. The shorter one stays with its end in sight, instead of leaving a blank beside the other.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const kAbove = 64; // pixels: what sticks to the top of the window is there
const kBelow = 12;

export function Column({ children }: { children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const column = box.current!;
    const fit = () => column.style.setProperty("--stick", `${Math.min(kAbove, innerHeight - column.offsetHeight - kBelow)}px`);
    const observer = new ResizeObserver(fit);
    observer.observe(column);
    addEventListener("resize", fit);
    return () => {
      observer.disconnect();
      removeEventListener("resize", fit);
    };
  }, []);
  return (
    <div class="column" ref={box}>
      {children}
    </div>
  );
}
