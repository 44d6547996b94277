// A field with an error line, and hooks for the stopwatch.

export function field(check, read) {
  const show = () => {
    document.getElementById("error").textContent = check(document.getElementById("field").value) ?? "";
  };
  document.getElementById("field").addEventListener("input", show);
  window.bench = { check, read };
}
