// Pagefind with its index as one script. A page opened from a folder may run the scripts beside it
// but not read files: `fetch` here answers from this script.
window.openPagefind = (address) => {
  const files = @FILES@;
  const fetch = async (url) => {
    const name = new URL(url, address).pathname.slice(new URL(".", address).pathname.length);
    if (!(name in files)) throw new Error(`there is no ${name}`);
    return new Response(Uint8Array.from(atob(files[name]), (byte) => byte.charCodeAt(0)));
  };
  @PAGEFIND@
};
