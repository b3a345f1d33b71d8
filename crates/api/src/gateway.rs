//! iExec market gateway's shapes (research: routes, paging, errors), served at the server's root.
