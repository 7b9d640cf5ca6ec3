using Engine.Cli;

namespace Cli.Tests;

/// <summary>Clocks that are set back while a run goes on, or before it is resumed.</summary>
public sealed class ClockTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_steady_clock_goes_on_where_the_system_is_set_back()
    {
        SetClock system = new(Noon);
        SteadyClock clock = new(system);
        system.Pass(TimeSpan.FromSeconds(5));
        system.Set(Noon - TimeSpan.FromHours(1));
        Assert.Equal(Noon + TimeSpan.FromSeconds(5), clock.GetUtcNow());
        system.Set(Noon + TimeSpan.FromDays(1));
        system.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal(Noon + TimeSpan.FromSeconds(6), clock.GetUtcNow());
    }

    [Fact]
    public void An_event_file_is_named_after_all_that_are_there()
    {
        Assert.Equal("events.out.tfevents.1767355200000.engine", EventFileName.Next([], Noon));
        Assert.Equal(
            "events.out.tfevents.1767355200000.engine", EventFileName.Next(["r/events.out.tfevents.1767355199999.engine", "r/weights.safetensors"], Noon));
        Assert.Equal("events.out.tfevents.1767355200001.engine", EventFileName.Next(["r/events.out.tfevents.1767355200000.engine"], Noon));
        Assert.Equal("events.out.tfevents.2000000000001.engine", EventFileName.Next(["events.out.tfevents.2000000000000.engine"], Noon));
    }

    [Theory]
    [InlineData("events.out.tfevents.")]
    [InlineData("events.out.tfevents")]
    [InlineData("events.out.tfevents.x.engine")]
    [InlineData("events.out.tfevents.99999999999999999999.host")]
    [InlineData("events.out.tfevents.9999999999999.host")]
    public void Files_that_other_programs_named_are_no_matter(string name) =>
        Assert.Equal("events.out.tfevents.1767355200000.engine", EventFileName.Next([name], Noon));

    private sealed class SetClock(DateTimeOffset now) : TimeProvider
    {
        private DateTimeOffset _now = now;
        private long _passed;

        public override DateTimeOffset GetUtcNow() => _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _passed;

        public void Set(DateTimeOffset time) => _now = time;

        public void Pass(TimeSpan time) => (_now, _passed) = (_now + time, _passed + time.Ticks);
    }
}
