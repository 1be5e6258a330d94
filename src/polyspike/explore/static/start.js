/* The page of `polyspike explore`. */
"use strict";
Explorer.app = new Explorer.App(document.getElementById("explorer"), new Explorer.Server());
