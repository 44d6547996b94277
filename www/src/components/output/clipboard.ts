// Copying and downloading, as a browser lets a page do it.

/** Copies a text. Where the clipboard is out of reach, the element that shows it is selected. */
export async function copy(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // On a page without HTTPS there is no clipboard; and where there is one, somebody may have said no.
    if (shown) getSelection()?.selectAllChildren(shown);
    return false;
  }
}

export function download(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  // The browser has begun by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
