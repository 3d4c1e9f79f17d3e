// Sets the theme chosen on an earlier visit before anything is painted. src/hooks/useTheme.ts owns the choice.
(function () {
  var chosen = null
  try { chosen = localStorage.getItem('faultline.theme') } catch (e) { /* no storage: the system's theme */ }
  var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()
