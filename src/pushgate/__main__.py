"""`python -m pushgate` is the `pushgate` command."""

from pushgate.cli.main import main

if __name__ == "__main__":
    main()
