"""`python -m bench.locate`."""

from bench.locate.run import main

if __name__ == "__main__":
    main()
