using System.Text.Json;

namespace Engine.Training;

/// <summary>Tells this program's own texts in a file's header from those of others under the same names.</summary>
internal static class MetadataJson
{
    /// <summary>Whether a text is a JSON object with all of some names.</summary>
    public static bool IsObjectWith(string text, params ReadOnlySpan<string> names)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            foreach (string name in names)
            {
                if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty(name, out _))
                {
                    return false;
                }
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
