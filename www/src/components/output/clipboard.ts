// Copying to the clipboard, and downloading.

/** Copies a text. If the clipboard is unavailable, selects the element that shows the text and returns false. */
export async function copy(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS there is no clipboard, and with it the user may have denied access.
    if (shown) getSelection()?.selectAllChildren(shown);
    return false;
  }
}

/** Downloads a text as a file. */
export function download(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  // Late enough for the browser to have started reading.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
