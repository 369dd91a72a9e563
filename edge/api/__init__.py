"""The local API: a Unix socket for the technician's tool and the page. The kernel says who asks."""
