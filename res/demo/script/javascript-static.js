// The part of Moodle's javascript-static.js that pages need: the list of what is still being worked on.
M.util = M.util || {};
M.util.pending_js = [];
M.util.complete_js = [];
M.util.js_pending = function(id) {
    if (id) {
        M.util.pending_js.push(id);
    }
    return M.util.pending_js.length;
};
M.util.js_complete = function(id) {
    var index = M.util.pending_js.indexOf(id);
    if (index >= 0) {
        M.util.complete_js.push(M.util.pending_js.splice(index, 1)[0]);
    }
    return M.util.pending_js.length;
};
M.util.js_pending('init');
document.addEventListener('DOMContentLoaded', function() { M.util.js_complete('init'); });
document.documentElement.className += ' jsenabled';
