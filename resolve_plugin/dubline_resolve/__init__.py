"""The side of Dubline that runs inside DaVinci Resolve: standard library only."""
