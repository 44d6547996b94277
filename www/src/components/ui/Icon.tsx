// Icons as SVG paths, without requests.

const ICON_PATHS = {
  error: "M8 4.500v4M8 11.200v.1M8 1.500a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13Z",
  warning: "M8 6v3.500M8 11.800v.1M8 1.8 1.2 14h13.600Z",
  info: "M8 7.200v4M8 4.700v.1M8 1.500a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13Z",
  unchecked: "M6 6.200a2 2 0 1 1 2.7 1.900c-.5.2-.7.5-.7 1.100M8 11.500v.1M8 1.500a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13Z",
  check: "m3 8.5 3.5 3.500L13 4.5",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  close: "m4 4 8 8M12 4l-8 8",
  lock: "M4 7.500h8v6H4ZM5.5 7.500V5a2.5 2.5 0 0 1 5 0v2.5",
  unlock: "M4 7.500h8v6H4ZM5.5 7.500V5a2.5 2.5 0 0 1 4.8-1",
  more: "M3 8h.500M7.750 8h.500M12.500 8h.500",
  undo: "M3.5 6.500h6a3.500 3.500 0 0 1 0 7H6M6 3.500l-3 3 3 3",
  redo: "M12.500 6.500h-6a3.500 3.500 0 0 0 0 7H10M10 3.500l3 3-3 3",
};

export type IconName = keyof typeof ICON_PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={ICON_PATHS[name]} />
    </svg>
  );
}
