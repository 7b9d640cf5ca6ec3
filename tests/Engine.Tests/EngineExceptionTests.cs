namespace Engine.Tests;

public sealed class EngineExceptionTests
{
    [Fact]
    public void A_message_is_one_line_whatever_it_quotes() =>
        Assert.Equal("'a b  c d' is no name", new EngineException("'a\nb\r\u001bc\u2028d' is no name").Message);

    [Fact]
    public void A_name_is_shown_without_what_a_line_cannot_hold()
    {
        foreach ((string name, string expected) in ((string, string)[])[("a\tb", "a?b"), ("a\ud800b", "a?b"), ("a\u2028b\u2029", "a?b?"),
            ("a b\u00e9", "a b\u00e9")])
        {
            Assert.Equal(expected, Engine.Formats.ShownName.Of(name));
            Assert.Equal(expected, Engine.Formats.ShownName.Whole(name).Replace('\ufffd', '?'));
        }
    }

    [Fact]
    public void Of_a_message_of_any_length_both_ends_are_kept()
    {
        string message = new EngineException($"'{new string('x', 1 << 20)}' is too long", new IOException()).Message;
        Assert.InRange(message.Length, 100, 4100);
        Assert.StartsWith("'xxx", message);
        Assert.EndsWith("xxx' is too long", message);
    }
}
